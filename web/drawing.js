// The paper one draws on: strokes, fills, pictures, undo. Places and widths are in the paper's own pixels; whoever draws (a
// hand, the starter doodle) scales to them. `version` grows with every visible change: only changed papers are sent.
import { floodFill } from "./flood_fill.js";
import { UndoHistory } from "./undo_history.js";
import { BACKGROUND } from "./palette.js";

const LONG_SIDE = 768;

export class Drawing extends EventTarget {
  #history = new UndoHistory();
  #committed = document.createElement("canvas");  // the paper as of the last finished step
  #stroke = null;

  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.version = 0;
    this.touched = false;  // by a hand since it was last cleared
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.shape(1);
  }

  /** Takes the aspect ratio of the pictures; what was drawn is fitted into the middle. */
  shape(ratio) {
    const width = Math.round(ratio >= 1 ? LONG_SIDE : LONG_SIDE * ratio);
    const height = Math.round(ratio >= 1 ? LONG_SIDE / ratio : LONG_SIDE);
    if (width === this.canvas.width && height === this.canvas.height && this.version) return;
    const old = this.version ? this.#copy() : null;
    this.canvas.width = this.#committed.width = width;
    this.canvas.height = this.#committed.height = height;
    this.#blank();
    if (old) this.#place(old);
    this.#history.forget();
    this.#keep();
    this.#changed();
  }

  get unit() {  // one pixel of a picture of 256
    return Math.max(this.canvas.width, this.canvas.height) / 256;
  }

  get canUndo() { return this.#history.canUndo; }
  get canRedo() { return this.#history.canRedo; }
  get drawing() { return this.#stroke !== null; }

  begin(x, y, width, color) {
    this.end();
    this.#stroke = { x, y, midX: x, midY: y, width, color, box: null };
    this.#dot(x, y, width, color);
    this.#grow(x, y, width);
    this.#changed();
  }

  /** A curve through the middles of what the hand gave, which is smooth at every speed. */
  to(x, y, width) {
    const stroke = this.#stroke;
    if (!stroke) return;
    const midX = (stroke.x + x) / 2, midY = (stroke.y + y) / 2;
    const { context } = this;
    context.strokeStyle = stroke.color;
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = (stroke.width + width) / 2;
    context.beginPath();
    context.moveTo(stroke.midX, stroke.midY);
    context.quadraticCurveTo(stroke.x, stroke.y, midX, midY);
    context.stroke();
    Object.assign(stroke, { x, y, midX, midY, width });
    this.#grow(x, y, Math.max(width, stroke.width));
    this.#changed();
  }

  end() {
    const stroke = this.#stroke;
    if (!stroke) return;
    this.to(stroke.x, stroke.y, stroke.width);
    this.#stroke = null;
    this.#commit(stroke.box);
  }

  cancel() {
    if (!this.#stroke) return;
    this.#stroke = null;
    this.context.drawImage(this.#committed, 0, 0);
    this.#changed();
  }

  fill(x, y, color) {
    const box = floodFill(this.context, x, y, color);
    if (!box) return;
    this.#commit(box);
    this.#changed();
  }

  clear() {
    this.end();
    this.#blank();
    this.touched = false;
    this.#commitAll();
  }

  /** A bitmap, video or canvas, whole, in the middle. */
  put(picture) {
    this.end();
    this.#blank();
    this.#place(picture);
    this.#commitAll();
  }

  undo() {
    this.end();
    if (this.#history.undo(this.context)) this.#restored();
  }

  redo() {
    this.end();
    if (this.#history.redo(this.context)) this.#restored();
  }

  #blank() {
    this.context.fillStyle = BACKGROUND;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  #place(picture) {
    const { width, height } = this.canvas;
    const w = picture.videoWidth || picture.width, h = picture.videoHeight || picture.height;
    const scale = Math.min(width / w, height / h);
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(picture, (width - w * scale) / 2, (height - h * scale) / 2, w * scale, h * scale);
  }

  #copy() {
    const copy = document.createElement("canvas");
    copy.width = this.canvas.width;
    copy.height = this.canvas.height;
    copy.getContext("2d").drawImage(this.canvas, 0, 0);
    return copy;
  }

  #dot(x, y, width, color) {
    this.context.fillStyle = color;
    this.context.beginPath();
    this.context.arc(x, y, width / 2, 0, 2 * Math.PI);
    this.context.fill();
  }

  #grow(x, y, width) {
    const reach = width / 2 + 2;
    const box = (this.#stroke.box ??= { left: x, top: y, right: x, bottom: y });
    box.left = Math.min(box.left, x - reach);
    box.top = Math.min(box.top, y - reach);
    box.right = Math.max(box.right, x + reach);
    box.bottom = Math.max(box.bottom, y + reach);
  }

  #commit(box) {
    if ("left" in box) {
      const x = Math.max(0, Math.floor(box.left)), y = Math.max(0, Math.floor(box.top));
      const right = Math.min(this.canvas.width, Math.ceil(box.right)), bottom = Math.min(this.canvas.height, Math.ceil(box.bottom));
      if (right <= x || bottom <= y) return;
      box = { x, y, width: right - x, height: bottom - y };
    }
    const held = this.#committed.getContext("2d", { willReadFrequently: true });
    const before = held.getImageData(box.x, box.y, box.width, box.height);
    const after = this.context.getImageData(box.x, box.y, box.width, box.height);
    this.#history.add(box.x, box.y, before, after);
    held.putImageData(after, box.x, box.y);
    this.dispatchEvent(new Event("step"));
  }

  #commitAll() {
    this.#commit({ x: 0, y: 0, width: this.canvas.width, height: this.canvas.height });
    this.#changed();
  }

  #restored() {
    this.#keep();
    this.#changed();
    this.dispatchEvent(new Event("step"));
  }

  #keep() {
    this.#committed.getContext("2d", { willReadFrequently: true }).drawImage(this.canvas, 0, 0);
  }

  #changed() {
    this.version += 1;
    this.dispatchEvent(new Event("change"));
  }
}
