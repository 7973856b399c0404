// From the source to the stream: once a display frame, if the source has a picture that was not sent yet and the stream can
// take it. A hidden tab has no display frames and so sends nothing.

export class Pump {
  #until = 0;
  #busy = false;
  #scratch = document.createElement("canvas");

  constructor(stream) {
    this.stream = stream;
    this.source = null;
    this.paused = false;
    this.width = 256;
    this.height = 256;
    this.sent = 0;
    const tick = () => {
      this.#tick();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /** The present picture is sent again, and for `ms` longer even while nothing changes. */
  poke(ms = 0) {
    this.#until = Math.max(this.#until, performance.now() + ms);
    this.source?.again();
  }

  get moving() {
    return performance.now() < this.#until;
  }

  async #tick() {
    const { source, stream } = this;
    if (!source || this.paused || this.#busy) return;
    if (this.moving) source.again();
    if (!source.fresh) return;
    stream.wakeIfAsleep();
    if (!stream.ready) return;
    this.#busy = true;
    try {
      const captured = performance.now();
      const picture = source.mode === "txt2img" ? source.take() : await this.#encoded(source);
      if (picture !== undefined && source === this.source) {
        stream.sendFrame(captured, picture);
        this.sent += 1;
      }
    } finally {
      this.#busy = false;
    }
  }

  async #encoded(source) {
    const canvas = this.#scratch;
    if (canvas.width !== this.width || canvas.height !== this.height) {
      canvas.width = this.width;
      canvas.height = this.height;
    }
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    if (!source.take(context, this.width, this.height)) return undefined;
    const blob = await new Promise((done) => canvas.toBlob(done, source.type, 0.88));
    return blob ? blob.arrayBuffer() : undefined;
  }
}
