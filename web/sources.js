// What goes in. Each source has: `mode`, `type` (how its pictures are encoded), `start()`, `stop()`, `fresh` (a picture was not
// taken yet), `again()` (the present one counts as fresh) and `take(context, width, height)`, which draws it. `onfresh` is called
// when there is something new.

/** A problem that a person can do something about. */
export class SourceProblem extends Error {}

export class DrawSource {
  mode = "img2img";
  type = "image/png";  // flat areas: small, and exact
  #taken = -1;

  constructor(paper) {
    this.paper = paper;
    paper.addEventListener("change", () => this.onfresh?.());
  }

  async start() {}
  stop() {}
  again() { this.#taken = -1; }
  get fresh() { return this.#taken !== this.paper.version; }

  take(context, width, height) {
    this.#taken = this.paper.version;
    context.drawImage(this.paper.canvas, 0, 0, width, height);
    return true;
  }
}

export class PromptSource {
  mode = "txt2img";
  #wanted = true;

  async start() { this.#wanted = true; }
  stop() {}
  again() { this.#wanted = true; }
  get fresh() { return this.#wanted; }

  take() {
    this.#wanted = false;
    return null;
  }
}

/** What a video element shows; the three below differ in where that comes from. */
class VideoSource {
  mode = "img2img";
  type = "image/jpeg";
  fresh = false;
  #watch = 0;

  constructor(video, settings) {
    this.video = video;
    this.settings = settings;
  }

  again() { this.fresh = this.video.readyState >= 2; }

  get mirrored() { return false; }

  async play() {
    await this.video.play();
    this.#follow();
  }

  #follow() {
    const { video } = this;
    const every = video.requestVideoFrameCallback
      ? (call) => video.requestVideoFrameCallback(call)
      : (call) => requestAnimationFrame(call);
    const generation = ++this.#watch;
    const seen = () => {
      if (generation !== this.#watch) return;
      this.fresh = true;
      this.onfresh?.();
      every(seen);
    };
    every(seen);
  }

  stop() {
    this.#watch += 1;
    this.fresh = false;
    this.video.pause();
    this.video.srcObject?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
  }

  take(context, width, height) {
    const { video } = this;
    const w = video.videoWidth, h = video.videoHeight;
    if (!w || !h) return false;
    this.fresh = false;
    const fit = this.settings.get("fit") ?? "cover";
    let scaleX = width / w, scaleY = height / h;
    if (fit !== "stretch") scaleX = scaleY = fit === "cover" ? Math.max(scaleX, scaleY) : Math.min(scaleX, scaleY);
    context.save();
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    context.translate(width / 2, height / 2);
    context.scale(this.mirrored ? -scaleX : scaleX, scaleY);
    context.drawImage(video, -w / 2, -h / 2);
    context.restore();
    return true;
  }
}

export class CameraSource extends VideoSource {
  facing = "user";
  ended = () => {};

  get mirrored() { return this.facing === "user" && (this.settings.get("mirror") ?? true); }

  async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new SourceProblem("A camera needs a safe connection.\nOpen this page at localhost, or start the server with --self-signed and use https.");
    }
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: this.facing, width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
        audio: false,
      });
    } catch (error) {
      throw new SourceProblem({
        NotAllowedError: "The camera was not allowed.\nClick the camera or lock beside the address, allow it, and try again.",
        NotFoundError: "No camera was found.\nPlug one in and try again.",
        NotReadableError: "The camera is in use.\nClose the other program that uses it and try again.",
      }[error.name] ?? `The camera did not start: ${error.message}`);
    }
    this.video.srcObject = stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => this.ended("The camera has gone."));
    await this.play();
  }
}

export class ScreenSource extends VideoSource {
  ended = () => {};

  async start() {
    if (!navigator.mediaDevices?.getDisplayMedia) {
      throw new SourceProblem("This browser does not share screens here.\nOn a phone or an unsafe connection it never does.");
    }
    let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: false });
    } catch (error) {
      throw new SourceProblem(error.name === "NotAllowedError"
        ? "No screen was chosen.\nTry again and pick a window or a screen."
        : `The screen could not be shared: ${error.message}`);
    }
    this.video.srcObject = stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => this.ended("Sharing has ended."));
    await this.play();
  }
}

export class FileSource extends VideoSource {
  file = null;
  #address = "";

  async start() {
    if (!this.file) throw new SourceProblem("Choose a video from this device, or drop one here.");
    this.#address = URL.createObjectURL(this.file);
    this.video.src = this.#address;
    try {
      await this.play();
    } catch {
      const name = this.file.name;
      this.stop();
      throw new SourceProblem(`This browser cannot play ${name}.\nMP4 with H.264 and WebM work nearly everywhere.`);
    }
  }

  stop() {
    super.stop();
    this.video.removeAttribute("src");
    this.video.load();
    URL.revokeObjectURL(this.#address);
  }
}
