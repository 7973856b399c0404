// Sends frames of the source over the connection: at most one per display frame, only if the source
// has a frame that was not sent yet and the connection can take it. A hidden tab has no display
// frames and so sends nothing. An idle page stops its loop and uses no power.
const IDLE_FRAMES = 30;  // display frames without anything new after which the loop stops
const JPEG_QUALITY = 0.88;

export class FrameSender {
  #source = null;
  #resendUntil = 0;
  #idleFrames = 0;
  #running = false;
  #encoding = false;
  #scratch = document.createElement("canvas");

  constructor(connection, controlDrawing) {
    this.connection = connection;
    this.controlDrawing = controlDrawing;
    controlDrawing.addEventListener("change", () => this.resend());
    this.video = null;  // a VideoLink that moving frames go over
    this.paused = false;
    this.width = 256;
    this.height = 256;
  }

  get source() { return this.#source; }

  /** The canvas with the last frame that was read. */
  get frame() { return this.#scratch; }
  hasRead = false;

  set source(source) {
    if (this.#source) this.#source.onFrame = null;
    this.#source = source;
    if (source) source.onFrame = () => this.#wake();
    this.#wake();
  }

  /** Sends the present frame again, and keeps doing so for `ms` even while nothing changes. */
  resend(ms = 0) {
    this.#resendUntil = Math.max(this.#resendUntil, performance.now() + ms);
    this.source?.resend();
    this.#wake();
  }

  get #resending() {
    return performance.now() < this.#resendUntil;
  }

  #wake() {
    this.#idleFrames = 0;
    if (this.#running) return;
    this.#running = true;
    const loop = () => {
      const active = (this.source?.hasFrame && !this.paused) || this.#resending;
      this.#idleFrames = active ? 0 : this.#idleFrames + 1;
      this.#sendIfPossible();
      if (this.#idleFrames < IDLE_FRAMES) requestAnimationFrame(loop);
      else this.#running = false;
    };
    requestAnimationFrame(loop);
  }

  async #sendIfPossible() {
    const { source, connection } = this;
    if (!source || this.paused || this.#encoding) return;
    if (this.#resending) source.resend();
    if (!source.hasFrame) return;
    connection.wakeIfAsleep();
    if (this.video && source.moves) {
      if (connection.state !== "live") return;
    } else if (!connection.ready) {
      return;
    }
    this.#encoding = true;
    try {
      const captured = performance.now();
      const control = await this.controlDrawing.imageFor(source, this.width, this.height);
      if (source.moves && this.video && !control) return this.#sendVideo(source);
      this.video?.stopSending();
      const image = await this.#readImage(source);
      if (image !== undefined && source === this.source) {
        connection.sendFrame(captured, image, control);
      }
    } finally {
      this.#encoding = false;
    }
  }

  #sendVideo(source) {
    if (this.#read(source)) this.video.sendFrame();
  }

  /** The source's frame as encoded bytes; null if it has no pixels, undefined if there is none. */
  async #readImage(source) {
    if (source.mode === "txt2img") return source.readFrame() ? null : undefined;
    if (!this.#read(source)) return undefined;
    const blob = await new Promise((resolve) => {
      this.#scratch.toBlob(resolve, source.mimeType, JPEG_QUALITY);
    });
    return blob ? blob.arrayBuffer() : undefined;
  }

  /** Draws the source's frame into the canvas; false if there is none. */
  #read(source) {
    const canvas = this.#scratch;
    if (canvas.width !== this.width || canvas.height !== this.height) {
      canvas.width = this.width;
      canvas.height = this.height;
    }
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    if (!source.readFrame(context, this.width, this.height)) return false;
    this.hasRead = true;
    return true;
  }
}
