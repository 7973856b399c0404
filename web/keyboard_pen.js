// Drawing by keyboard: on the focused drawing the arrow keys move the pen (shift: in small steps).
// Enter puts it down and lifts it, sets the corners of a shape, fills or picks a color; Escape takes
// the stroke or shape back.
import { SHAPES } from "./pointer_input.js";

const STEP = 8, SMALL_STEP = 2;  // in pixels of an image whose long side is 256
const DIRECTIONS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

export class KeyboardPen {
  #x = 0.5;  // of the drawing's width and height
  #y = 0.5;
  #isDown = false;
  #shape = null;  // {kind, corner} of the one in progress

  constructor(drawing, pointerInput, ring) {
    Object.assign(this, { drawing, pointerInput, ring });
    const { canvas } = drawing;
    canvas.addEventListener("keydown", (event) => this.#press(event));
    canvas.addEventListener("blur", () => this.#lift());
    canvas.addEventListener("pointerdown", () => this.#lift());
  }

  get #position() {
    return [this.#x * this.drawing.canvas.width, this.#y * this.drawing.canvas.height];
  }

  #press(event) {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key in DIRECTIONS) this.#move(DIRECTIONS[key], event.shiftKey ? SMALL_STEP : STEP);
    else if (key === "Enter") this.#enter();
    else if (key === "Escape" && this.#isDown) this.#takeBack();
    else return;
    event.preventDefault();
  }

  #move([dx, dy], step) {
    const { canvas, unit } = this.drawing;
    const clamp = (value) => Math.min(1, Math.max(0, value));
    this.#x = clamp(this.#x + (dx * step * unit) / canvas.width);
    this.#y = clamp(this.#y + (dy * step * unit) / canvas.height);
    if (this.#isDown) this.#draw();
    this.#showRing();
  }

  get #width() {
    return this.pointerInput.size * this.drawing.unit;
  }

  #draw() {
    const at = this.#position, width = this.#width;
    if (!this.#shape) return this.drawing.continueStroke(...at, width);
    const { kind, corner } = this.#shape;
    this.drawing.setShape(kind, corner, at, width, this.pointerInput.brush);
  }

  #enter() {
    if (this.#isDown) return this.#lift();
    const { tool, brush } = this.pointerInput;
    this.#showRing();
    if (this.pointerInput.use(...this.#position)) return;
    this.#isDown = true;
    this.#shape = SHAPES.includes(tool) ? { kind: tool, corner: this.#position } : null;
    if (!this.#shape) this.drawing.beginStroke(...this.#position, this.#width, brush);
  }

  #lift() {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.drawing.endStroke();
  }

  #takeBack() {
    this.#isDown = false;
    this.drawing.cancelStroke();
  }

  #showRing() {
    const box = this.drawing.canvas.getBoundingClientRect();
    const diameter = Math.max(6, this.pointerInput.size * (Math.max(box.width, box.height) / 256));
    const left = this.#x * box.width - diameter / 2, top = this.#y * box.height - diameter / 2;
    this.ring.hidden = false;
    this.ring.style.width = this.ring.style.height = `${diameter}px`;
    this.ring.style.transform = `translate(${left}px, ${top}px)`;
  }
}
