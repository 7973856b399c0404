// Drawing with mouse, finger or pen: pointer events become strokes and fills (pen pressure sets the
// width), and a ring shows the size of the brush.
import { BACKGROUND } from "./palette.js";

const PEN_ERASER = 5;  // PointerEvent.button of a pen's eraser end

export class PointerInput extends EventTarget {
  #pointer = null;

  constructor(drawing, ring) {
    super();
    this.drawing = drawing;
    this.ring = ring;
    this.tool = "pen";
    this.color = "#d62828";
    this.size = 20;  // in pixels of an image whose long side is 256
    this.#listen(drawing.canvas);
  }

  #listen(canvas) {
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("lostpointercapture", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => this.#cancel());
    canvas.addEventListener("pointerleave", () => {
      if (this.#pointer === null) this.ring.hidden = true;
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
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
    if (this.#pointer !== null) return this.#cancel();  // a second finger: not a stroke
    event.preventDefault();
    this.drawing.canvas.focus({ preventScroll: true, focusVisible: false });
    this.dispatchEvent(new Event("strokestart"));
    const [x, y] = this.#position(event);
    this.drawing.edited = true;
    if (this.tool === "fill") return this.drawing.fill(x, y, this.color);
    this.#pointer = event.pointerId;
    this.drawing.canvas.setPointerCapture(event.pointerId);
    const color = this.tool === "eraser" || erasing ? BACKGROUND : this.color;
    this.drawing.beginStroke(x, y, this.#width(event), color);
    this.#showRing(event);
  }

  #move(event) {
    this.#showRing(event);
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      this.drawing.continueStroke(...this.#position(one), this.#width(one));
    }
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
    const brush = this.tool !== "fill";
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
