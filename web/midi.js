// MIDI controllers by the browser's Web MIDI: which knob or fader moves which slider of the page.
// The assignments are kept in the browser (localStorage), by the name of the device, so that a
// controller that was unplugged and returns goes on.
import { isControl, positionOf, sameControl } from "./midi_messages.js";

const STORAGE_KEY = "streamdiffusion.midi";
const STEP_MS = 16;  // a slider is moved once in this time, whatever comes from the controller
const REST_MS = 250;  // a control that stood still for so long was let go

function readStorage() {
  try {
    const stored = Object.entries(JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? {});
    return new Map(stored.filter(([, control]) => isControl(control ?? {})));
  } catch {
    return new Map();
  }
}

/** Moves a slider of the page as a hand would. */
class SliderMover {
  #timer = 0;
  #movedAt = -Infinity;

  constructor(id) {
    this.id = id;
  }

  /** `value` is 0..1 of its way. */
  move(value) {
    this.value = value;
    clearTimeout(this.#timer);
    const wait = STEP_MS - (performance.now() - this.#movedAt);
    if (wait <= 0) this.#step();
    else this.#timer = setTimeout(() => this.#step(), wait);
  }

  #step() {
    this.#movedAt = performance.now();
    this.#set("input");
    this.#timer = setTimeout(() => this.#set("input", "change"), REST_MS);
  }

  #set(...events) {
    const slider = document.getElementById(this.id);
    if (!slider || slider.disabled) return;
    const min = Number(slider.min), max = Number(slider.max);
    slider.value = min + this.value * (max - min);
    for (const event of events) slider.dispatchEvent(new Event(event, { bubbles: true }));
  }
}

/** Events: `change`, the assignments are others; `assigned`, its detail is the id of the slider;
 * `devices`, one came or went. */
export class Midi extends EventTarget {
  /** Controls by the id of their slider. */
  assignments = readStorage();
  /** The id of the slider that gets the control which moves next, or null. */
  waiting = null;
  #access = null;
  #movers = new Map();

  /** Why there is no access: "insecure", "missing", or null where it can be asked for. */
  static get obstacle() {
    if (navigator.requestMIDIAccess) return null;
    return isSecureContext ? "missing" : "insecure";
  }

  /** The names of the devices that are there. */
  get devices() {
    const inputs = [...this.#access?.inputs.values() ?? []];
    return [...new Set(inputs.filter(({ state }) => state !== "disconnected").map(nameOf))];
  }

  /** Asks the browser, which may ask the visitor, and throws what it throws. */
  async open() {
    if (this.#access) return;
    this.#access = await navigator.requestMIDIAccess();
    this.#access.addEventListener("statechange", () => this.#listen());
    this.#listen();
  }

  /** Devices that have assignments are used without a click, unless the visitor forbade it. */
  async resume() {
    if (!this.assignments.size || Midi.obstacle) return;
    try {
      const { state } = await navigator.permissions.query({ name: "midi" });
      if (state === "denied") return;
    } catch { /* a browser that does not tell: it decides by itself */ }
    await this.open().catch((error) => console.info(`no MIDI: ${error.message}`));
  }

  forget(id) {
    this.assignments.delete(id);
    this.#movers.delete(id);
    this.#save();
  }

  #listen() {
    for (const input of this.#access.inputs.values()) {
      if (input.onmidimessage && input.connection !== "closed") continue;
      input.onmidimessage = ({ data }) => this.#receive(nameOf(input), data);  // opens it as well
    }
    this.dispatchEvent(new Event("devices"));
  }

  #receive(device, data) {
    const position = positionOf(data);
    if (!position) return;
    const { value, ...control } = { device, ...position };
    if (this.waiting) return this.#assign(control);
    for (const [id, assigned] of this.assignments) {
      if (!sameControl(assigned, control)) continue;
      if (!this.#movers.has(id)) this.#movers.set(id, new SliderMover(id));
      this.#movers.get(id).move(value);
    }
  }

  #assign(control) {
    const id = this.waiting;
    this.waiting = null;
    this.assignments.set(id, control);
    this.#save();
    this.dispatchEvent(new CustomEvent("assigned", { detail: id }));
  }

  #save() {
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(Object.fromEntries(this.assignments)));
    } catch { /* private windows may have no storage */ }
    this.dispatchEvent(new Event("change"));
  }
}

function nameOf({ name, id }) {
  return name || id;
}
