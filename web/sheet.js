// What a drawing is painted on. It has its origin in the middle and grows with what is shown of
// it, so that an image of other proportions shows more or less of it, and nothing is lost or scaled.
import { BACKGROUND } from "./palette.js";

const SIDE = 768;  // of the square that is always shown whole
const MOST_PIXELS = 3072 * 3072;  // that are shown; a larger drawing is scaled down
const SQUARE = { width: SIDE, height: SIDE };

const even = (length) => 2 * Math.ceil(length / 2 - 0.01);  // so that the middle is between pixels

/** How large an image of all that was drawn is on a sheet. */
function sizeOnSheet({ width, height }) {
  const scale = Math.min(
    Math.max(1, SIDE / Math.min(width, height)), Math.sqrt(MOST_PIXELS / (width * height)));
  const onSheet = (length) => Math.min(MOST_PIXELS / SIDE, Math.max(SIDE, even(length * scale)));
  return { width: onSheet(width), height: onSheet(height) };
}

export class Sheet {
  canvas = document.createElement("canvas");
  /** The size in the middle that holds all that was drawn. */
  extent = SQUARE;
  isEmpty = true;  // nothing was drawn since it was new or blank

  constructor() {
    this.canvas.width = this.canvas.height = 0;
  }

  get context() {
    return this.canvas.getContext("2d", { willReadFrequently: true });
  }

  /**
   * Grows to hold a view of these proportions (width / height) of all that was drawn. Returns its
   * size, and whether the sheet had to be scaled.
   */
  viewOf(ratio) {
    const { width, height } = this.extent;
    const view = {
      width: even(Math.max(width, height * ratio)), height: even(Math.max(height, width / ratio)),
    };
    const tooMany = view.width * view.height / MOST_PIXELS;
    if (tooMany > 1.01 && this.extent !== SQUARE) {
      this.#scale(1 / Math.sqrt(tooMany));
      return { ...this.viewOf(ratio), scaled: true };
    }
    this.#grow(view);
    return { ...view, scaled: false };
  }

  /** Where the upper left corner of a view is. */
  originOf({ width, height }) {
    return { left: (this.canvas.width - width) / 2, top: (this.canvas.height - height) / 2 };
  }

  /** Grows to hold an image of all that was drawn. */
  makeRoomFor(image) {
    this.#grow(sizeOnSheet(image));
  }

  /** Becomes that image, which may be smaller than it was; there is room for it. */
  put(image) {
    this.blank();
    const size = sizeOnSheet(image), { left, top } = this.originOf(size);
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(image, left, top, size.width, size.height);
    this.extent = size;
    this.isEmpty = false;
  }

  /** Something was drawn in this box of a view. */
  extend(view, box) {
    this.isEmpty = false;
    this.extent = this.extentWith(view, box);
  }

  /** The extent if something were drawn in this box of a view. */
  extentWith(view, { x, y, width, height }) {
    const reach = (from, length, whole) => 2 * Math.max(whole / 2 - from, from + length - whole / 2);
    return {
      width: Math.max(this.extent.width, Math.min(view.width, reach(x, width, view.width))),
      height: Math.max(this.extent.height, Math.min(view.height, reach(y, height, view.height))),
    };
  }

  blank() {
    this.#fill();
    this.extent = SQUARE;
    this.isEmpty = true;
  }

  #fill() {
    this.context.fillStyle = BACKGROUND;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  #grow({ width, height }) {
    const { canvas } = this;
    if (width <= canvas.width && height <= canvas.height) return;
    this.#replace(Math.max(width, canvas.width), Math.max(height, canvas.height), 1);
  }

  #scale(factor) {
    const { width, height } = this.extent;
    const smaller = (length) => Math.max(SIDE, even(length * factor));
    this.#replace(smaller(width), smaller(height), factor);
    this.extent = { width: smaller(width), height: smaller(height) };
    if (Math.max(this.extent.width, this.extent.height) === SIDE) this.extent = SQUARE;
  }

  /** A sheet of another size, with the old one in its middle. */
  #replace(width, height, factor) {
    const { canvas: old } = this;
    this.canvas = document.createElement("canvas");
    Object.assign(this.canvas, { width, height });
    this.#fill();
    if (!old.width) return;
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(old, (width - old.width * factor) / 2, (height - old.height * factor) / 2,
      old.width * factor, old.height * factor);
  }
}
