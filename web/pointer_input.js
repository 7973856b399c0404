// The hand on the paper: mouse, finger and pen (whose pressure sets the width), and the ring that shows the brush.
import { BACKGROUND } from "./palette.js";

export class PointerInput extends EventTarget {
  #pointer = null;

  constructor(paper, ring) {
    super();
    this.paper = paper;
    this.ring = ring;
    this.tool = "pen";
    this.color = "#d62828";
    this.size = 20;  // in pixels of a picture of 256
    const { canvas } = paper;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "lostpointercapture"]) canvas.addEventListener(name, (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => this.#cancel());
    canvas.addEventListener("pointerleave", () => { if (this.#pointer === null) this.ring.hidden = true; });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  #place(event) {
    const box = this.paper.canvas.getBoundingClientRect();
    const scale = this.paper.canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  #width(event) {
    const width = this.size * this.paper.unit;
    return event.pointerType === "pen" && event.pressure > 0 ? width * (0.35 + 1.1 * event.pressure) : width;
  }

  #down(event) {
    if (event.button !== 0 && !(event.pointerType === "pen" && event.button === 5)) return;
    if (this.#pointer !== null) return this.#cancel();  // a second finger: not a stroke
    event.preventDefault();
    this.paper.canvas.focus({ preventScroll: true, focusVisible: false });
    this.dispatchEvent(new Event("begin"));
    const [x, y] = this.#place(event);
    this.paper.touched = true;
    if (this.tool === "fill") return this.paper.fill(x, y, this.color);
    this.#pointer = event.pointerId;
    this.paper.canvas.setPointerCapture(event.pointerId);
    this.paper.begin(x, y, this.#width(event), this.tool === "eraser" || event.button === 5 ? BACKGROUND : this.color);
    this.#showRing(event);
  }

  #move(event) {
    this.#showRing(event);
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) this.paper.to(...this.#place(one), this.#width(one));
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.paper.end();
    if (event.pointerType === "touch") this.ring.hidden = true;
  }

  #cancel() {
    this.#pointer = null;
    this.paper.cancel();
    this.ring.hidden = true;
  }

  #showRing(event) {
    const brush = this.tool !== "fill";
    this.paper.canvas.toggleAttribute("data-brush", brush && event.pointerType !== "touch");
    this.ring.hidden = !brush;
    if (!brush) return;
    const box = this.paper.canvas.getBoundingClientRect();
    const across = Math.max(4, this.size * (Math.max(box.width, box.height) / 256));
    this.ring.style.width = this.ring.style.height = `${across}px`;
    this.ring.style.transform = `translate(${event.clientX - box.left - across / 2}px, ${event.clientY - box.top - across / 2}px)`;
  }
}
