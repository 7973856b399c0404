// What comes out: pictures are decoded off the socket and drawn at once. While one is being decoded only the newest of those
// that arrive is kept, so that no queue can grow; the last picture stays whatever happens.

export class Display extends EventTarget {
  #next = null;
  #busy = false;

  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.replaced = 0;
    this.count = 0;
    this.empty = true;
  }

  show(header, picture) {
    if (this.#next) this.replaced += 1;
    this.#next = { header, picture };
    if (!this.#busy) this.#run();
  }

  async #run() {
    this.#busy = true;
    while (this.#next) {
      const { header, picture } = this.#next;
      this.#next = null;
      try {
        this.#draw(await createImageBitmap(new Blob([picture])), header);
      } catch (error) {
        console.warn("a picture could not be read", error);
      }
    }
    this.#busy = false;
  }

  #draw(bitmap, header) {
    const { canvas } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    this.context.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.empty = false;
    canvas.dataset.live = this.count += 1;
    const shown = () => this.dispatchEvent(new CustomEvent("shown", { detail: { header, at: performance.now() } }));
    document.hidden ? shown() : requestAnimationFrame(shown);
  }
}
