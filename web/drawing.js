// The drawing that goes in: strokes, fills, images, undo. Positions and widths are in pixels of its
// canvas; callers scale to them. `version` grows with every visible change, so that an unchanged
// drawing is not sent again. A stroke that lets the drawing shine through is painted on a layer of its
// own, so that it covers evenly where it crosses itself.
import { Box } from "./box.js";
import { floodFill } from "./flood_fill.js";
import { BACKGROUND } from "./palette.js";
import { Sheet } from "./sheet.js";
import { UndoHistory } from "./undo_history.js";

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
  #sheet = new Sheet();  // after the last finished change; the canvas shows its middle
  #ratio = 1;
  /** The stroke in progress as if it were opaque, where it is not. */
  #layer = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  #stroke = null;

  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.version = 0;
    this.edited = false;  // by the visitor, and not cleared since
    this.context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.setAspectRatio(1);
  }

  /**
   * Resizes the canvas (`ratio` is width / height). What was drawn stays where it is, seen from the
   * middle, and all of it is shown; undo and redo go on.
   */
  setAspectRatio(ratio) {
    if (ratio === this.#ratio && this.version) return;
    this.endStroke();
    this.#ratio = ratio;
    this.#showSheet();
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
    this.#restore();
    this.#changed();
  }

  /**
   * Draws a line, rectangle or ellipse from one corner to the other instead of the stroke in
   * progress, until endStroke() keeps it or cancelStroke() takes it away.
   */
  setShape(kind, from, to, width, brush) {
    this.#restore();
    this.#stroke = { shape: true, brush, box: null };
    this.#clearLayer();
    this.#paint((context) => {
      tracePath(context, kind, from, to);
      context.lineWidth = width;
      context.stroke();
    }, Box.around([from, to], width));
  }

  /** The color at a position, or at the edge nearest to it, as "#rrggbb". */
  colorAt(x, y) {
    const inside = (value, side) => Math.min(side - 1, Math.max(0, Math.floor(value)));
    const [column, row] = [inside(x, this.canvas.width), inside(y, this.canvas.height)];
    const [r, g, b] = this.context.getImageData(column, row, 1, 1).data;
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
    if (opacity < 1) this.#restore(box);
    this.context.globalAlpha = 1;
    this.#commit(box);
    this.#changed();
  }

  clear() {
    this.endStroke();
    this.#blank();
    this.edited = false;
    this.#commitAll(true);
  }

  /** Replaces the drawing by an image, video frame or canvas, fitted into the middle. */
  putImage(image) {
    this.endStroke();
    this.#blank();
    this.#drawFitted(image);
    this.#commitAll();
  }

  /** All that was drawn, without what is empty around it: a canvas that open() takes. */
  get image() {
    const { canvas } = this, sheet = this.#sheet, box = this.#stroke?.box;
    const image = document.createElement("canvas");
    Object.assign(image, box ? sheet.extentWith(canvas, box) : sheet.extent);
    const left = (image.width - canvas.width) / 2, top = (image.height - canvas.height) / 2;
    image.getContext("2d").drawImage(canvas, left, top);
    return image;
  }

  /** Replaces the drawing by what `image` was, of this drawing or another, at its place and size. */
  open(image) {
    this.endStroke();
    const sheet = this.#sheet;
    sheet.makeRoomFor(image);
    this.#record({ x: 0, y: 0, width: sheet.canvas.width, height: sheet.canvas.height },
      () => sheet.put(image));
    this.#showSheet();
    this.#changed();
  }

  undo() {
    this.endStroke();
    this.#travel(this.#history.undo(this.#sheet));
  }

  redo() {
    this.endStroke();
    this.#travel(this.#history.redo(this.#sheet));
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

  #clearLayer() {
    if (this.#opacity === 1) return;
    const { width, height } = this.canvas, layer = this.#layer.canvas;
    if (layer.width !== width || layer.height !== height) Object.assign(layer, { width, height });
    this.#layer.clearRect(0, 0, width, height);
  }

  /** Paints by `path`, within `box`: over the drawing as it was. */
  #paint(path, box) {
    const { color, symmetric = false } = this.#stroke.brush, { width } = this.canvas;
    const context = this.#opacity === 1 ? this.context : this.#layer;
    context.strokeStyle = context.fillStyle = color;
    context.lineCap = context.lineJoin = "round";
    path(context);
    this.#show(box);
    if (symmetric) {
      context.save();
      context.setTransform(-1, 0, 0, 1, width, 0);
      path(context);
      context.restore();
      this.#show(Box.mirrored(box, width));
    }
    this.#changed();
  }

  get #opacity() { return this.#stroke.brush.opacity ?? 1; }

  #show(box) {
    const stroke = this.#stroke, inside = Box.clipped(box, this.canvas);
    if (!inside) return;
    stroke.box = stroke.box ? Box.union(stroke.box, inside) : inside;
    if (this.#opacity === 1) return;
    const { x, y, width, height } = inside;
    this.#restore(inside);
    this.context.globalAlpha = this.#opacity;
    this.context.drawImage(this.#layer.canvas, x, y, width, height, x, y, width, height);
    this.context.globalAlpha = 1;
  }

  /** Shows the box, or all, as it was after the last finished change. */
  #restore({ x, y, width, height } = this.#whole) {
    const { left, top } = this.#sheet.originOf(this.canvas);
    const { canvas } = this.#sheet;
    this.context.drawImage(canvas, x + left, y + top, width, height, x, y, width, height);
  }

  get #whole() {
    return { x: 0, y: 0, width: this.canvas.width, height: this.canvas.height };
  }

  /** Makes what changed in the box one undoable change. */
  #commit(box) {
    if (!box) return;  // it was all outside
    const sheet = this.#sheet, { left, top } = sheet.originOf(this.canvas);
    this.#record({ ...box, x: box.x + left, y: box.y + top }, () => {
      const after = this.context.getImageData(box.x, box.y, box.width, box.height);
      sheet.context.putImageData(after, box.x + left, box.y + top);
      sheet.extend(this.canvas, box);
    });
  }

  /** The same for all, also what is not shown of the sheet. */
  #commitAll(isEmpty = false) {
    const sheet = this.#sheet, { width, height } = sheet.canvas;
    this.#record({ x: 0, y: 0, width, height }, () => {
      const { left, top } = sheet.originOf(this.canvas);
      sheet.blank();
      sheet.context.drawImage(this.canvas, left, top);
      if (!isEmpty) sheet.extend(this.canvas, this.#whole);
    });
    if (isEmpty) this.#showSheet();  // as large as a new one
    this.#changed();
  }

  #record(box, change) {
    const sheet = this.#sheet;
    const state = () => ({
      pixels: sheet.context.getImageData(box.x, box.y, box.width, box.height),
      extent: sheet.extent, isEmpty: sheet.isEmpty,
    });
    const before = state();
    change();
    this.#history.add(sheet, box, before, state());
    this.dispatchEvent(new Event("commit"));
  }

  /** Shows the sheet after the visitor took a change back or made it again. */
  #travel(moved) {
    if (!moved) return;
    this.edited = !this.#sheet.isEmpty;
    this.#showSheet();
    this.#changed();
    this.dispatchEvent(new Event("commit"));
  }

  /** Shows all that was drawn, in the image's proportions. */
  #showSheet() {
    const { width, height, scaled } = this.#sheet.viewOf(this.#ratio);
    if (scaled) this.#history.clear();
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.#restore();
  }

  #changed() {
    this.version += 1;
    this.dispatchEvent(new Event("change"));
  }
}
