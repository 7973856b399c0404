// The first seconds: a doodle draws itself and the hand is invited; or the drawing of before the reload comes back. Later, a new
// doodle whenever one is asked for.
import { DOODLES, drawDoodle } from "./demo_doodles.js";

const KEEP = "streamdiffusion.paper";
const $ = (id) => document.getElementById(id);

export class Onboarding {
  #next = 0;
  #stop = null;
  #saving = 0;

  constructor({ paper, hand, settings, prompt, inputs }) {
    Object.assign(this, { paper, hand, settings, prompt, inputs });
    this.known = false;
    hand.addEventListener("begin", () => this.leave());
    inputs.addEventListener("opening", () => this.leave());
    paper.addEventListener("step", () => this.#remember());
    $("clear").addEventListener("click", () => this.leave());
    $("starter").addEventListener("click", () => this.another());
    $("begin-new").addEventListener("click", () => { this.leave(); paper.clear(); });
  }

  async begin() {
    const source = this.settings.get("source") ?? "draw";
    const kept = this.#kept();
    if (source !== "draw") {
      this.inputs.choose(source === "screen" || source === "video" ? "draw" : source);  // those two need a click
      if (source === "camera" || source === "words") return this.#restore(kept);
    } else {
      this.inputs.choose("draw");
    }
    if (kept) this.#restore(kept);
    else this.#first();
  }

  /** The doodle that goes with the prompt of last time, if there is one. */
  #first() {
    const own = this.settings.isChanged("prompt");
    const same = own ? DOODLES.findIndex(({ prompt }) => prompt === this.settings.get("prompt")) : 0;
    this.#next = Math.max(0, same);
    this.another(own || this.settings.carried, true);
  }

  /** The server's prompt is known: the first doodle brings its own, unless the person has one. */
  ready() {
    this.known = true;
    if (this.doodle && !this.settings.isChanged("prompt")) this.prompt.put(this.doodle.prompt);
  }

  /** Draws the next doodle on a clean paper. */
  async another(keepPrompt = false, invite = false) {
    this.leave();
    const doodle = DOODLES[this.#next % DOODLES.length];
    this.#next += 1;
    this.doodle = keepPrompt === true ? null : doodle;
    if (this.paper.touched || this.paper.canUndo) this.paper.clear();
    if (this.known && this.doodle) this.prompt.put(doodle.prompt);
    const stop = new AbortController();
    this.#stop = stop;
    const done = await drawDoodle(this.paper, doodle, stop.signal);
    if (done && this.inputs.name === "draw" && invite) $("invite").hidden = false;
  }

  leave() {
    this.#stop?.abort();
    this.#stop = null;
    this.paper.end();
    $("invite").hidden = true;
  }

  sourceIs(name) {
    if (name !== "draw") this.leave();
  }

  #remember() {
    clearTimeout(this.#saving);
    this.#saving = setTimeout(() => {
      try {
        if (this.paper.touched) sessionStorage.setItem(KEEP, this.paper.canvas.toDataURL("image/png"));
        else sessionStorage.removeItem(KEEP);
      } catch { /* no storage, or no room in it */ }
    }, 800);
  }

  #kept() {
    try {
      return sessionStorage.getItem(KEEP);
    } catch {
      return null;
    }
  }

  async #restore(address) {
    if (!address) return;
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    this.paper.put(picture);
    this.paper.touched = true;
  }
}
