// Drawing with mouse, finger or pen: pointer events become strokes, shapes and fills (pen pressure
// sets the width of strokes), and a ring shows the size of the brush.
import { BACKGROUND, FIRST_COLOR } from "./palette.js";

const PEN_ERASER = 5;  // PointerEvent.button of a pen's eraser end

/** The second corner such that the shape is as wide as high, or the line a multiple of 45 degrees. */
function regular(kind, [x, y], [toX, toY]) {
  const dx = toX - x, dy = toY - y;
  const side = Math.max(Math.abs(dx), Math.abs(dy));
  if (kind !== "line") return [x + Math.sign(dx) * side, y + Math.sign(dy) * side];
  const angle = Math.round(Math.atan2(dy, dx) / (Math.PI / 4)) * (Math.PI / 4);
  const length = Math.hypot(dx, dy);
  return [x + length * Math.cos(angle), y + length * Math.sin(angle)];
}

/** Tools that draw between two corners. */
export const SHAPES = ["line", "rectangle", "ellipse"];

/** Events: `strokestart`; `pick` with a color that was taken from the drawing. */
export class PointerInput extends EventTarget {
  #pointer = null;
  #pointerType = null;
  #corner = null;  // where the shape in progress began

  constructor(drawing, ring) {
    super();
    this.drawing = drawing;
    this.ring = ring;
    this.tool = "pen";
    this.color = FIRST_COLOR;
    this.size = 12;  // in pixels of an image whose long side is 256
    this.opacity = 1;
    this.symmetric = false;
    this.#listen(drawing.canvas);
  }

  /** What the drawing paints with. */
  get brush() {
    const color = this.tool === "eraser" ? BACKGROUND : this.color;
    return { color, opacity: this.opacity, symmetric: this.symmetric };
  }

  /** Uses the tool here, by pointer or keyboard. False if it has only begun to draw. */
  use(x, y) {
    if (this.tool === "pick") {
      this.dispatchEvent(new CustomEvent("pick", { detail: this.drawing.colorAt(x, y) }));
      return true;
    }
    this.dispatchEvent(new Event("strokestart"));
    this.drawing.edited = true;
    if (this.tool !== "fill") return false;
    this.drawing.fill(x, y, this.brush);
    return true;
  }

  #listen(canvas) {
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("lostpointercapture", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => {
      if (!this.#isBeside(event)) this.#cancel();
    });
    canvas.addEventListener("pointerleave", () => {
      if (this.#pointer === null) this.ring.hidden = true;
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Whether the event is of another pointer than the one that draws. */
  #isBeside(event) {
    return this.#pointer !== null && event.pointerId !== this.#pointer;
  }

  #position(event) {
    const box = this.drawing.canvas.getBoundingClientRect();
    const scale = this.drawing.canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  #width(event) {
    const width = this.size * this.drawing.unit;
    const pressed = event.pointerType === "pen" && event.pressure > 0;
    return pressed ? width * (0.35 + 1.1 * event.pressure) : width;
  }

  #down(event) {
    const erasing = event.button === PEN_ERASER;
    if (event.button !== 0 && !(event.pointerType === "pen" && erasing)) return;
    if (this.#pointer !== null) {
      const { pointerType } = event;
      if (this.#pointerType === "pen" && pointerType === "touch") return;  // the hand that holds it
      this.#cancel();
      if (pointerType !== "pen") return;  // a second finger: not a stroke
    }
    event.preventDefault();
    this.drawing.canvas.focus({ preventScroll: true, focusVisible: false });
    const [x, y] = this.#position(event);
    if (this.use(x, y)) return;
    this.#pointer = event.pointerId;
    this.#pointerType = event.pointerType;
    this.drawing.canvas.setPointerCapture(event.pointerId);
    this.#corner = SHAPES.includes(this.tool) && !erasing ? [x, y] : null;
    if (this.#corner) return this.#showRing(event);
    const brush = erasing ? { ...this.brush, color: BACKGROUND } : this.brush;
    this.drawing.beginStroke(x, y, this.#width(event), brush);
    this.#showRing(event);
  }

  #move(event) {
    if (!this.#isBeside(event)) this.#showRing(event);
    if (event.pointerId !== this.#pointer) return;
    if (this.#corner) return this.#shape(event);
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      this.drawing.continueStroke(...this.#position(one), this.#width(one));
    }
  }

  #shape(event) {
    const to = this.#position(event);
    const end = event.shiftKey ? regular(this.tool, this.#corner, to) : to;
    const width = this.size * this.drawing.unit;
    this.drawing.setShape(this.tool, this.#corner, end, width, this.brush);
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.drawing.endStroke();
    if (event.pointerType === "touch") this.ring.hidden = true;
  }

  #cancel() {
    this.#pointer = null;
    this.drawing.cancelStroke();
    this.ring.hidden = true;
  }

  #showRing(event) {
    const { canvas } = this.drawing;
    const brush = this.tool !== "fill" && this.tool !== "pick";
    canvas.toggleAttribute("data-brush", brush && event.pointerType !== "touch");
    this.ring.hidden = !brush;
    if (!brush) return;
    const box = canvas.getBoundingClientRect();
    const diameter = Math.max(4, this.size * (Math.max(box.width, box.height) / 256));
    const left = event.clientX - box.left - diameter / 2;
    const top = event.clientY - box.top - diameter / 2;
    this.ring.style.width = this.ring.style.height = `${diameter}px`;
    this.ring.style.transform = `translate(${left}px, ${top}px)`;
  }
}
