// What goes in: a drawing, the prompt alone, camera, screen or a video file. Every source has
//   mode, mimeType    how the server uses its frames, how they are encoded
//   moves             whether frames follow each other by themselves, so that they may go as video
//   start(), stop()
//   hasFrame          whether there is a frame that was not read yet; onFrame() is called for each
//   resend()          makes the present frame count as unread
//   readFrame(context, width, height)   draws the frame and marks it as read; false if none
import { t } from "./language.js";

/** An error that the visitor can do something about; the message says what. */
export class SourceError extends Error {}

export class DrawSource {
  mode = "img2img";
  mimeType = "image/png";  // flat areas: small and lossless
  #readVersion = -1;

  constructor(drawing) {
    this.drawing = drawing;
    drawing.addEventListener("change", () => this.onFrame?.());
  }

  async start() {}
  stop() {}
  resend() { this.#readVersion = -1; }
  get hasFrame() { return this.#readVersion !== this.drawing.version; }

  readFrame(context, width, height) {
    this.#readVersion = this.drawing.version;
    context.drawImage(this.drawing.canvas, 0, 0, width, height);
    return true;
  }
}

/** Text-to-image: a frame without pixels asks for one image. */
export class PromptSource {
  mode = "txt2img";
  hasFrame = true;

  async start() { this.hasFrame = true; }
  stop() {}
  resend() { this.hasFrame = true; }

  readFrame() {
    this.hasFrame = false;
    return true;
  }
}

/** The frames of a video element. The three classes below differ in where the video comes from. */
class VideoSource {
  mode = "img2img";
  mimeType = "image/jpeg";
  moves = true;
  hasFrame = false;
  #generation = 0;  // grows with every start and stop, which ends older callback loops

  constructor(video, settings) {
    this.video = video;
    this.settings = settings;
  }

  resend() { this.hasFrame = this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA; }

  get mirrored() { return false; }

  async play() {
    await this.video.play();
    this.#watchFrames();
  }

  async playStream(stream, endedMessage) {
    this.video.srcObject = stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => this.onEnded?.(endedMessage));
    await this.play();
  }

  #watchFrames() {
    const { video } = this;
    const nextFrame = video.requestVideoFrameCallback
      ? (callback) => video.requestVideoFrameCallback(callback)
      : (callback) => requestAnimationFrame(callback);
    const generation = ++this.#generation;
    const onVideoFrame = () => {
      if (generation !== this.#generation) return;
      this.hasFrame = true;
      this.onFrame?.();
      nextFrame(onVideoFrame);
    };
    nextFrame(onVideoFrame);
  }

  stop() {
    this.#generation += 1;
    this.hasFrame = false;
    this.video.pause();
    this.video.srcObject?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
  }

  readFrame(context, width, height) {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth || !videoHeight) return false;
    this.hasFrame = false;
    const [scaleX, scaleY] = this.#scales(width / videoWidth, height / videoHeight);
    context.save();
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    context.translate(width / 2, height / 2);
    context.scale(this.mirrored ? -scaleX : scaleX, scaleY);
    context.drawImage(this.video, -videoWidth / 2, -videoHeight / 2);
    context.restore();
    return true;
  }

  #scales(x, y) {
    const fit = this.settings.get("fit") ?? "cover";
    if (fit === "stretch") return [x, y];
    const scale = fit === "cover" ? Math.max(x, y) : Math.min(x, y);
    return [scale, scale];
  }
}

const CAMERA_ERRORS = {  // what happened, and what to do
  NotAllowedError: ["The camera was not allowed.",
    "Click the camera or lock beside the address, allow it, and try again."],
  NotFoundError: ["No camera was found.", "Plug one in and try again."],
  NotReadableError: ["The camera is in use.",
    "Close the other program that uses it and try again."],
};

/** The sentences in the visitor's language, a line each. */
function lines(...sentences) {
  return sentences.map((sentence) => t(sentence)).join("\n");
}

export class CameraSource extends VideoSource {
  facing = "user";

  get mirrored() { return this.facing === "user" && (this.settings.get("mirror") ?? true); }

  async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new SourceError(lines("A camera needs a secure connection.",
        "Open this page at localhost, or start the server with --self-signed and use https."));
    }
    await this.playStream(await this.#open(), t("The camera was disconnected."));
  }

  async #open() {
    try {
      return await navigator.mediaDevices.getUserMedia({
        video: {
          facingMode: this.facing, width: { ideal: 640 }, height: { ideal: 480 },
          frameRate: { ideal: 30 },
        },
        audio: false,
      });
    } catch (error) {
      const known = CAMERA_ERRORS[error.name];
      throw new SourceError(known ? lines(...known)
        : t("The camera did not start: {reason}", { reason: error.message }));
    }
  }
}

export class ScreenSource extends VideoSource {
  async start() {
    if (!navigator.mediaDevices?.getDisplayMedia) {
      throw new SourceError(lines("This browser does not share screens here.",
        "On a phone or an insecure connection it never does."));
    }
    await this.playStream(await this.#open(), t("Screen sharing has ended."));
  }

  async #open() {
    try {
      return await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: 30 } }, audio: false,
      });
    } catch (error) {
      throw new SourceError(error.name === "NotAllowedError"
        ? lines("No screen was chosen.", "Try again and pick a window or a screen.")
        : t("The screen could not be shared: {reason}", { reason: error.message }));
    }
  }
}

export class FileSource extends VideoSource {
  file = null;
  #url = "";

  async start() {
    if (!this.file) {
      throw new SourceError(t("Choose a video from this device, or drop one here."));
    }
    this.#url = URL.createObjectURL(this.file);
    this.video.src = this.#url;
    try {
      await this.play();
    } catch {
      const name = this.file.name;
      this.stop();
      throw new SourceError(`${t("This browser cannot play {name}.", { name })}\n` +
        t("MP4 with H.264 and WebM work nearly everywhere."));
    }
  }

  stop() {
    super.stop();
    this.video.removeAttribute("src");
    this.video.load();
    URL.revokeObjectURL(this.#url);
  }
}
