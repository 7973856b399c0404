// The first seconds: a demo doodle draws itself and then the visitor is invited to draw, or the
// drawing from before a reload comes back. Later it draws another doodle on request.
import { DEMO_DOODLES, drawDoodle } from "./demo_doodles.js";
import { $ } from "./dom.js";

const STORAGE_KEY = "streamdiffusion.paper";  // the drawing, as a data URL
const SAVE_DELAY_MS = 800;

export class Onboarding {
  #next = 0;
  #doodle = null;  // the one whose prompt is to be shown
  #abort = null;
  #saveTimer = 0;
  #loaded = false;

  constructor({ drawing, pointerInput, settings, promptEditor, sourcePicker }) {
    Object.assign(this, { drawing, settings, promptEditor, sourcePicker });
    pointerInput.addEventListener("strokestart", () => this.stop());
    sourcePicker.addEventListener("imageopen", () => this.stop());
    drawing.addEventListener("commit", () => this.#saveSoon());
    $("clear").addEventListener("click", () => this.stop());
    $("demo").addEventListener("click", () => this.drawNext());
    $("start-over").addEventListener("click", () => {
      this.stop();
      drawing.clear();
    });
  }

  start() {
    const wanted = this.settings.get("source") ?? "draw";
    const needsClick = wanted === "screen" || wanted === "video";  // browsers ask for one
    const source = needsClick ? "draw" : wanted;
    this.sourcePicker.choose(source);
    const saved = this.#readSaved();
    if (saved) this.#restore(saved);
    else if (this.sourcePicker.name === "draw") this.#drawFirst();
  }

  /** Called when the server's default prompt is known: the doodle's prompt replaces that one. */
  settingsLoaded() {
    this.#loaded = true;
    if (this.#doodle && !this.settings.isChanged("prompt")) this.#showPrompt();
  }

  /** Draws the next doodle on an empty drawing. */
  async drawNext({ keepPrompt = false, invite = false } = {}) {
    this.stop();
    const doodle = DEMO_DOODLES[this.#next % DEMO_DOODLES.length];
    this.#next += 1;
    this.#doodle = keepPrompt ? null : doodle;
    if (this.drawing.edited || this.drawing.canUndo) this.drawing.clear();
    if (this.#loaded && this.#doodle) this.#showPrompt();
    const abort = new AbortController();
    this.#abort = abort;
    const complete = await drawDoodle(this.drawing, doodle, abort.signal);
    if (complete && this.sourcePicker.name === "draw" && invite) $("invite").hidden = false;
  }

  /** Ends the doodle and takes the invitation away. */
  stop() {
    this.#abort?.abort();
    this.#abort = null;
    this.drawing.endStroke();
    $("invite").hidden = true;
  }

  /** The first doodle is the one that fits the visitor's own prompt, if there is one. */
  #drawFirst() {
    const ownPrompt = this.settings.isChanged("prompt");
    const prompt = this.settings.get("prompt");
    const fitting = ownPrompt ? DEMO_DOODLES.findIndex((doodle) => doodle.prompt === prompt) : 0;
    this.#next = Math.max(0, fitting);
    this.drawNext({ keepPrompt: ownPrompt || this.settings.fromLink, invite: true });
  }

  #showPrompt() {
    this.promptEditor.setText(this.#doodle.prompt);
  }

  #saveSoon() {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => this.#save(), SAVE_DELAY_MS);
  }

  #save() {
    const { edited, canvas } = this.drawing;
    try {
      if (edited) sessionStorage.setItem(STORAGE_KEY, canvas.toDataURL("image/png"));
      else sessionStorage.removeItem(STORAGE_KEY);
    } catch { /* there is no storage, or it is full */ }
  }

  #readSaved() {
    try {
      return sessionStorage.getItem(STORAGE_KEY);
    } catch {
      return null;
    }
  }

  async #restore(url) {
    const image = new Image();
    image.src = url;
    await image.decode();
    this.drawing.putImage(image);
    this.drawing.edited = true;
  }
}
