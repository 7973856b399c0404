// Shows the generated images: decodes what the socket brings and draws it at once. While one image
// is decoded, only the newest arrival is kept, so that no queue can grow. The last image stays.

export class Display extends EventTarget {
  #next = null;
  #decoding = false;

  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.replaced = 0;  // images that a newer one replaced before they were decoded
    this.count = 0;
    this.empty = true;
  }

  show(header, image) {
    if (this.#next) this.replaced += 1;
    this.#next = { header, image };
    if (!this.#decoding) this.#decodeAll();
  }

  async #decodeAll() {
    this.#decoding = true;
    while (this.#next) {
      const { header, image } = this.#next;
      this.#next = null;
      try {
        this.#draw(await createImageBitmap(new Blob([image])), header);
      } catch (error) {
        console.warn("an image could not be decoded", error);
      }
    }
    this.#decoding = false;
  }

  #draw(bitmap, header) {
    const { canvas } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    this.context.drawImage(bitmap, 0, 0);
    bitmap.close();
    if (this.empty) performance.mark("first image");
    this.empty = false;
    canvas.dataset.live = this.count += 1;
    const shown = () => {
      const detail = { header, at: performance.now() };
      this.dispatchEvent(new CustomEvent("shown", { detail }));
      canvas.dispatchEvent(new CustomEvent("shown", { detail }));  // for measurements from outside
    };
    document.hidden ? shown() : requestAnimationFrame(shown);
  }
}
