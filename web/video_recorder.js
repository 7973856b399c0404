// Records a canvas as a video: MP4 where the browser can, else WebM.
const FORMATS = ["video/mp4;codecs=avc1.42E01E", "video/mp4;codecs=avc1.640028",
  "video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];
const BITS_PER_SECOND = 8e6;

/** The best format that this browser records, or undefined. */
export function videoFormat() {
  return globalThis.MediaRecorder &&
    FORMATS.find((candidate) => MediaRecorder.isTypeSupported(candidate));
}

export class VideoRecorder {
  #parts = [];

  /** `onFile` is called once, with a Blob, or with null if nothing was recorded. */
  constructor(canvas, format, onFile) {
    const stream = canvas.captureStream();
    this.recorder = new MediaRecorder(stream, {
      mimeType: format, videoBitsPerSecond: BITS_PER_SECOND,
    });
    this.recorder.ondataavailable = ({ data }) => { if (data.size) this.#parts.push(data); };
    this.recorder.onstop = () => {
      stream.getTracks().forEach((track) => track.stop());
      const type = format.split(";")[0];
      onFile(this.#parts.length ? new Blob(this.#parts, { type }) : null);
    };
    this.recorder.start(1000);
  }

  /** A changed canvas is a frame by itself. */
  addFrame() {}

  stop() {
    if (this.recorder.state !== "inactive") this.recorder.stop();
  }
}
