// The drawing that goes in: strokes, fills, images, undo. Positions and widths are in pixels of its
// canvas; callers scale to them. `version` grows with every visible change, so that an unchanged
// drawing is not sent again.
import { floodFill } from "./flood_fill.js";
import { BACKGROUND } from "./palette.js";
import { UndoHistory } from "./undo_history.js";

const LONG_SIDE = 768;

/** The path of a line, rectangle or ellipse between two corners. */
function tracePath(context, kind, [x, y], [toX, toY]) {
  context.beginPath();
  if (kind === "rectangle") context.rect(x, y, toX - x, toY - y);
  else if (kind === "ellipse") {
    const radiusX = Math.abs(toX - x) / 2, radiusY = Math.abs(toY - y) / 2;
    context.ellipse((x + toX) / 2, (y + toY) / 2, radiusX, radiusY, 0, 0, 2 * Math.PI);
  } else {
    context.moveTo(x, y);
    context.lineTo(toX, toY);
  }
}

export class Drawing extends EventTarget {
  #history = new UndoHistory();
  #committed = document.createElement("canvas");  // the drawing after the last finished change
  #stroke = null;

  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.version = 0;
    this.edited = false;  // by the visitor, since it was last cleared
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.setAspectRatio(1);
  }

  /** Resizes the canvas (`ratio` is width / height). The old drawing is fitted into the middle. */
  setAspectRatio(ratio) {
    const width = Math.round(ratio >= 1 ? LONG_SIDE : LONG_SIDE * ratio);
    const height = Math.round(ratio >= 1 ? LONG_SIDE / ratio : LONG_SIDE);
    if (width === this.canvas.width && height === this.canvas.height && this.version) return;
    const old = this.version ? this.#copy() : null;
    this.canvas.width = this.#committed.width = width;
    this.canvas.height = this.#committed.height = height;
    this.#blank();
    if (old) this.#drawFitted(old);
    this.#history.clear();
    this.#saveCommitted();
    this.#changed();
  }

  /** Canvas pixels per pixel of an image whose long side is 256. */
  get unit() {
    return Math.max(this.canvas.width, this.canvas.height) / 256;
  }

  get canUndo() { return this.#history.canUndo; }
  get canRedo() { return this.#history.canRedo; }

  beginStroke(x, y, width, color) {
    this.endStroke();
    this.#stroke = { x, y, midX: x, midY: y, width, color, box: null };
    this.#dot(x, y, width, color);
    this.#growBox(x, y, width);
    this.#changed();
  }

  /** Continues the stroke by a quadratic curve between midpoints: smooth at any pointer speed. */
  continueStroke(x, y, width) {
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
    this.#growBox(x, y, Math.max(width, stroke.width));
    this.#changed();
  }

  endStroke() {
    const stroke = this.#stroke;
    if (!stroke) return;
    if (!stroke.shape) this.continueStroke(stroke.x, stroke.y, stroke.width);
    this.#stroke = null;
    this.#commitStroke(stroke.box);
  }

  cancelStroke() {
    if (!this.#stroke) return;
    this.#stroke = null;
    this.context.drawImage(this.#committed, 0, 0);
    this.#changed();
  }

  /**
   * Draws a line, rectangle or ellipse from one corner to the other instead of the stroke in
   * progress, until endStroke() keeps it or cancelStroke() takes it away.
   */
  setShape(kind, from, to, width, color) {
    this.context.drawImage(this.#committed, 0, 0);
    this.#stroke = { shape: true, width, color, box: null };
    tracePath(this.context, kind, from, to);
    this.context.strokeStyle = color;
    this.context.lineWidth = width;
    this.context.lineCap = this.context.lineJoin = "round";
    this.context.stroke();
    this.#growBox(...from, width);
    this.#growBox(...to, width);
    this.#changed();
  }

  /** The color at a position, as "#rrggbb". */
  colorAt(x, y) {
    const [r, g, b] = this.context.getImageData(Math.floor(x), Math.floor(y), 1, 1).data;
    return `#${[r, g, b].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  }

  fill(x, y, color) {
    const box = floodFill(this.context, x, y, color);
    if (!box) return;
    this.#commit(box);
    this.#changed();
  }

  clear() {
    this.endStroke();
    this.#blank();
    this.edited = false;
    this.#commitAll();
  }

  /** Replaces the drawing by an image, video frame or canvas, fitted into the middle. */
  putImage(image) {
    this.endStroke();
    this.#blank();
    this.#drawFitted(image);
    this.#commitAll();
  }

  undo() {
    this.endStroke();
    if (this.#history.undo(this.context)) this.#restored();
  }

  redo() {
    this.endStroke();
    if (this.#history.redo(this.context)) this.#restored();
  }

  #blank() {
    this.context.fillStyle = BACKGROUND;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  #drawFitted(image) {
    const { width, height } = this.canvas;
    const w = image.videoWidth || image.width, h = image.videoHeight || image.height;
    const scale = Math.min(width / w, height / h);
    const left = (width - w * scale) / 2, top = (height - h * scale) / 2;
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(image, left, top, w * scale, h * scale);
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

  #growBox(x, y, width) {
    const reach = width / 2 + 2;
    const box = (this.#stroke.box ??= { left: x, top: y, right: x, bottom: y });
    box.left = Math.min(box.left, x - reach);
    box.top = Math.min(box.top, y - reach);
    box.right = Math.max(box.right, x + reach);
    box.bottom = Math.max(box.bottom, y + reach);
  }

  #commitStroke(box) {
    const x = Math.max(0, Math.floor(box.left)), y = Math.max(0, Math.floor(box.top));
    const right = Math.min(this.canvas.width, Math.ceil(box.right));
    const bottom = Math.min(this.canvas.height, Math.ceil(box.bottom));
    if (right <= x || bottom <= y) return;
    this.#commit({ x, y, width: right - x, height: bottom - y });
  }

  /** Makes what changed in the box one undoable change. */
  #commit(box) {
    const committed = this.#committedContext();
    const before = committed.getImageData(box.x, box.y, box.width, box.height);
    const after = this.context.getImageData(box.x, box.y, box.width, box.height);
    this.#history.add(box.x, box.y, before, after);
    committed.putImageData(after, box.x, box.y);
    this.dispatchEvent(new Event("commit"));
  }

  #commitAll() {
    this.#commit({ x: 0, y: 0, width: this.canvas.width, height: this.canvas.height });
    this.#changed();
  }

  #restored() {
    this.#saveCommitted();
    this.#changed();
    this.dispatchEvent(new Event("commit"));
  }

  #committedContext() {
    return this.#committed.getContext("2d", { willReadFrequently: true });
  }

  #saveCommitted() {
    this.#committedContext().drawImage(this.canvas, 0, 0);
  }

  #changed() {
    this.version += 1;
    this.dispatchEvent(new Event("change"));
  }
}
