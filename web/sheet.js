// What a drawing is painted on. It has its origin in the middle and grows with what is shown of
// it, so that an image of other proportions shows more or less of it, and nothing is lost or scaled.
import { BACKGROUND } from "./palette.js";

const SIDE = 768;  // of the square that is always shown whole
const MOST_PIXELS = 3072 * 3072;  // that are shown; a larger drawing is scaled down
const SQUARE = { width: SIDE, height: SIDE };

const even = (length) => 2 * Math.ceil(length / 2 - 0.01);  // so that the middle is between pixels

export class Sheet {
  canvas = document.createElement("canvas");
  /** The size in the middle that holds all that was drawn. */
  extent = SQUARE;

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

  /** Something was drawn in this box of a view. */
  extend(view, { x, y, width, height }) {
    const reach = (from, length, whole) => 2 * Math.max(whole / 2 - from, from + length - whole / 2);
    this.extent = {
      width: Math.max(this.extent.width, Math.min(view.width, reach(x, width, view.width))),
      height: Math.max(this.extent.height, Math.min(view.height, reach(y, height, view.height))),
    };
  }

  blank() {
    this.context.fillStyle = BACKGROUND;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.extent = SQUARE;
  }

  #grow({ width, height }) {
    const { canvas, extent } = this;
    if (width <= canvas.width && height <= canvas.height) return;
    this.#replace(Math.max(width, canvas.width), Math.max(height, canvas.height), 1);
    this.extent = extent;
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
    this.blank();
    if (!old.width) return;
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(old, (width - old.width * factor) / 2, (height - old.height * factor) / 2,
      old.width * factor, old.height * factor);
  }
}
