// Snapshot (a PNG with the settings inside) and recording (WebM, or MP4 where WebM is missing).
import { embedSettings } from "./png_settings.js";

const FORMATS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];
const BITS_PER_SECOND = 8e6;
const REST_FRAME_MS = 100;  // at rest a canvas gives the recorder no frames: so it is drawn again

function fileName(extension) {
  const time = new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
  return `streamdiffusion-${time}.${extension}`;
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** Saves the canvas as a PNG that holds the settings. Returns the file's name. */
export async function saveSnapshot(canvas, settings) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const name = fileName("png");
  download(await embedSettings(blob, settings), name);
  return name;
}

/** Events: `time` (text for the badge), `saved` (the file's name, null if nothing was recorded). */
export class Recorder extends EventTarget {
  #recorder = null;
  #timer = 0;
  #frames = 0;

  constructor(canvas) {
    super();
    this.canvas = canvas;
  }

  get recording() { return this.#recorder !== null; }

  start() {
    const format = globalThis.MediaRecorder &&
      FORMATS.find((candidate) => MediaRecorder.isTypeSupported(candidate));
    if (!format) throw new Error("This browser cannot record.");
    const parts = [];
    const started = performance.now();
    const stream = this.canvas.captureStream();
    const recorder = new MediaRecorder(stream, {
      mimeType: format, videoBitsPerSecond: BITS_PER_SECOND,
    });
    recorder.ondataavailable = ({ data }) => { if (data.size) parts.push(data); };
    recorder.onstop = () => {
      stream.getTracks().forEach((track) => track.stop());
      this.#stopped(parts, format);
    };
    recorder.start(1000);
    this.#recorder = recorder;
    this.#frames = setInterval(() => this.#repeatFrame(), REST_FRAME_MS);
    this.#timer = setInterval(() => this.#showTime(started), 500);
    this.#showTime(started);
  }

  stop() {
    this.#recorder?.stop();
  }

  #stopped(parts, format) {
    clearInterval(this.#timer);
    clearInterval(this.#frames);
    this.#recorder = null;
    const name = parts.length ? fileName(format.includes("mp4") ? "mp4" : "webm") : null;
    if (name) download(new Blob(parts, { type: format.split(";")[0] }), name);
    this.dispatchEvent(new CustomEvent("saved", { detail: name }));
  }

  #repeatFrame() {
    this.canvas.getContext("2d").drawImage(this.canvas, 0, 0);
  }

  #showTime(started) {
    const seconds = Math.floor((performance.now() - started) / 1000);
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    this.dispatchEvent(new CustomEvent("time", { detail: text }));
  }
}
