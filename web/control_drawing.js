// The drawing as what ControlNets follow while another source gives the frames: a camera for the
// colors, lines drawn by hand for the shapes.
import { DrawSource } from "./sources.js";

export class ControlDrawing extends EventTarget {
  #on = false;
  #canvas = document.createElement("canvas");
  #encoded = "";  // what #bytes are of
  #bytes = null;

  /** `hasNets()` says whether the server has ControlNets now. */
  constructor(drawing, hasNets) {
    super();
    this.drawing = drawing;
    this.hasNets = hasNets;
    drawing.addEventListener("change", () => this.#changed());
  }

  get on() { return this.#on; }

  set on(on) {
    this.#on = on;
    this.dispatchEvent(new CustomEvent("change"));
  }

  /** The drawing as a PNG, or null where control images are made of the frames of `source`. */
  async imageFor(source, width, height) {
    if (!this.#on || source instanceof DrawSource || !this.hasNets()) return null;
    const key = `${this.drawing.version} ${width} ${height}`;
    if (key !== this.#encoded) {
      this.#bytes = await this.#encode(width, height);
      this.#encoded = key;
    }
    return this.#bytes;
  }

  #changed() {
    if (this.#on) this.dispatchEvent(new CustomEvent("change"));
  }

  async #encode(width, height) {
    Object.assign(this.#canvas, { width, height });
    const context = this.#canvas.getContext("2d", { alpha: false });
    context.imageSmoothingQuality = "high";
    context.drawImage(this.drawing.canvas, 0, 0, width, height);
    const blob = await new Promise((resolve) => { this.#canvas.toBlob(resolve, "image/png"); });
    return blob ? blob.arrayBuffer() : null;
  }
}
