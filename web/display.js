// Shows the generated images: decodes what the socket brings and draws it at once, or what a video
// shows. While one image is decoded, only the newest arrival is kept, so that no queue can grow. The
// last image stays.

export class Display extends EventTarget {
  #next = null;
  #decoding = false;
  #videoImages = 0;

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

  /** The present image of a video element, at once. */
  showVideo(video, header) {
    this.#next = null;
    this.#videoImages += 1;
    this.#draw(video, video.videoWidth, video.videoHeight, header);
  }

  /** Resolves when there is an image, or at once when the signal is given. */
  firstImage(signal) {
    return new Promise((resolve) => {
      if (!this.empty || signal.aborted) return resolve();
      for (const [target, type] of [[this, "shown"], [signal, "abort"]]) {
        target.addEventListener(type, resolve, { once: true });
      }
    });
  }

  async #decodeAll() {
    this.#decoding = true;
    while (this.#next) {
      const { header, image } = this.#next, before = this.#videoImages;
      this.#next = null;
      try {
        const bitmap = await createImageBitmap(new Blob([image]));
        if (before === this.#videoImages) this.#draw(bitmap, bitmap.width, bitmap.height, header);
        bitmap.close();
      } catch (error) {
        console.warn("an image could not be decoded", error);
      }
    }
    this.#decoding = false;
  }

  #draw(image, width, height, header) {
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    this.context.drawImage(image, 0, 0);
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
