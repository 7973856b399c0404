// From the source to the stream: once a display frame, if the source has a picture that was not sent yet and the stream can
// take it. A hidden tab has no display frames and so sends nothing; a page at rest asks for none: it costs no power.
const REST = 30;  // display frames without anything new after which the pump rests until the source has something

export class FrameSender {
  #until = 0;
  #idle = 0;
  #running = false;
  #source = null;
  #busy = false;
  #scratch = document.createElement("canvas");

  constructor(stream) {
    this.stream = stream;
    this.paused = false;
    this.width = 256;
    this.height = 256;
    this.sent = 0;
  }

  get source() { return this.#source; }

  set source(source) {
    if (this.#source) this.#source.onfresh = null;
    this.#source = source;
    if (source) source.onfresh = () => this.#wake();
    this.#wake();
  }

  #wake() {
    this.#idle = 0;
    if (this.#running) return;
    this.#running = true;
    const step = () => {
      this.#idle = this.#source?.fresh && !this.paused || this.moving ? 0 : this.#idle + 1;
      this.#tick();
      if (this.#idle < REST) requestAnimationFrame(step);
      else this.#running = false;
    };
    requestAnimationFrame(step);
  }

  /** The present picture is sent again, and for `ms` longer even while nothing changes. */
  poke(ms = 0) {
    this.#until = Math.max(this.#until, performance.now() + ms);
    this.source?.again();
    this.#wake();
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
