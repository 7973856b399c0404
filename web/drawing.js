// The drawing that goes in: strokes, fills, images, undo. Positions and widths are in pixels of its
// canvas; callers scale to them. `version` grows with every visible change, so that an unchanged
// drawing is not sent again. A stroke in progress is painted on a layer of its own, so that it covers
// evenly where it crosses itself.
import { Box } from "./box.js";
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
  #layer = document.createElement("canvas");  // the stroke in progress, opaque
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

  /** `brush` is {color, opacity: 0..1, symmetric: whether the other half gets it mirrored}. */
  beginStroke(x, y, width, brush) {
    this.endStroke();
    this.#stroke = { x, y, midX: x, midY: y, width, brush, box: null };
    this.#clearLayer();
    this.#paint((context) => {
      context.beginPath();
      context.arc(x, y, width / 2, 0, 2 * Math.PI);
      context.fill();
    }, Box.around([[x, y]], width));
  }

  /** Continues the stroke by a quadratic curve between midpoints: smooth at any pointer speed. */
  continueStroke(x, y, width) {
    const stroke = this.#stroke;
    if (!stroke) return;
    const { x: oldX, y: oldY, midX: fromX, midY: fromY, width: oldWidth } = stroke;
    const midX = (oldX + x) / 2, midY = (oldY + y) / 2;
    Object.assign(stroke, { x, y, midX, midY, width });
    this.#paint((context) => {
      context.lineWidth = (oldWidth + width) / 2;
      context.beginPath();
      context.moveTo(fromX, fromY);
      context.quadraticCurveTo(oldX, oldY, midX, midY);
      context.stroke();
    }, Box.around([[fromX, fromY], [oldX, oldY], [midX, midY]], Math.max(width, oldWidth)));
  }

  endStroke() {
    const stroke = this.#stroke;
    if (!stroke) return;
    if (!stroke.shape) this.continueStroke(stroke.x, stroke.y, stroke.width);
    this.#stroke = null;
    this.#commit(stroke.box);
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
  setShape(kind, from, to, width, brush) {
    this.context.drawImage(this.#committed, 0, 0);
    this.#stroke = { shape: true, brush, box: null };
    this.#clearLayer();
    this.#paint((context) => {
      tracePath(context, kind, from, to);
      context.lineWidth = width;
      context.stroke();
    }, Box.around([from, to], width));
  }

  /** The color at a position, as "#rrggbb". */
  colorAt(x, y) {
    const [r, g, b] = this.context.getImageData(Math.floor(x), Math.floor(y), 1, 1).data;
    return `#${[r, g, b].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  }

  fill(x, y, { color, opacity = 1, symmetric = false }) {
    this.endStroke();
    let box = floodFill(this.context, x, y, color);
    if (symmetric) {
      const mirrored = floodFill(this.context, this.canvas.width - 1 - x, y, color);
      box = box && mirrored ? Box.union(box, mirrored) : box ?? mirrored;
    }
    if (!box) return;
    this.context.globalAlpha = 1 - opacity;
    if (opacity < 1) this.#copyBox(this.#committed, box);
    this.context.globalAlpha = 1;
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

  #clearLayer() {
    const { canvas } = this;
    if (this.#layer.width !== canvas.width || this.#layer.height !== canvas.height) {
      this.#layer.width = canvas.width;
      this.#layer.height = canvas.height;
    }
    this.#layer.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  }

  /** Paints on the layer by `path`, within `box`, and shows it over the drawing as it was. */
  #paint(path, box) {
    const { color, symmetric = false } = this.#stroke.brush, { width } = this.canvas;
    const context = this.#layer.getContext("2d");
    context.strokeStyle = context.fillStyle = color;
    context.lineCap = context.lineJoin = "round";
    path(context);
    this.#showLayer(box);
    if (symmetric) {
      context.save();
      context.setTransform(-1, 0, 0, 1, width, 0);
      path(context);
      context.restore();
      this.#showLayer(Box.mirrored(box, width));
    }
    this.#changed();
  }

  #showLayer(box) {
    const stroke = this.#stroke, inside = Box.clipped(box, this.canvas);
    if (!inside) return;
    stroke.box = stroke.box ? Box.union(stroke.box, inside) : inside;
    this.#copyBox(this.#committed, inside);
    this.context.globalAlpha = stroke.brush.opacity ?? 1;
    this.#copyBox(this.#layer, inside);
    this.context.globalAlpha = 1;
  }

  #copyBox(from, { x, y, width, height }) {
    this.context.drawImage(from, x, y, width, height, x, y, width, height);
  }

  /** Makes what changed in the box one undoable change. */
  #commit(box) {
    if (!box) return;  // it was all outside
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
