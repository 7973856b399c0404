// The first seconds: an outline draws itself, other words make other things of the same lines, and
// then the visitor is invited to draw. Or the drawing from before a reload comes back. Later it
// draws another doodle on request.
import { DEMO_DOODLES, drawDoodle, isPromptOf, promptOf } from "./demo_doodles.js";
import { $ } from "./dom.js";
import { t } from "./language.js";
import { textToAddress } from "./linked_drawing.js";
import { toast } from "./toasts.js";

const STORAGE_KEY = "streamdiffusion.paper";  // the drawing, as a data URL
const SAVE_DELAY_MS = 800;
const OPENING_MS = 1700;  // that each prompt of the opening is shown
const LETTER_MS = 22;

/** Resolves after `ms`, or at once when the signal is given. */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

export class Onboarding {
  #next = 0;
  #doodle = null;  // the one whose prompt is to be shown
  #opens = false;  // it is the first
  #abort = null;
  #saveTimer = 0;
  #loaded = false;
  #openingEnds = null;
  #isWaiting = false;  // the page opened with another source, and nothing is drawn yet

  constructor({
    drawing, pointerInput, settings, hints, vocabulary, promptEditor, sourcePicker, display,
  }) {
    Object.assign(this, { drawing, settings, hints, vocabulary, promptEditor, sourcePicker, display });
    promptEditor.isOwn = (prompt) => this.#isOurs(prompt);
    pointerInput.addEventListener("strokestart", () => this.stop());
    sourcePicker.addEventListener("imageopen", () => this.stop());
    drawing.addEventListener("commit", () => this.#saveSoon());
    addEventListener("pagehide", () => {
      drawing.endStroke();
      if (this.#saveTimer) this.#save();
    });
    $("clear").addEventListener("click", () => this.stop());
    $("demo").addEventListener("click", () => this.drawNext());
    $("start-over").addEventListener("click", () => {
      this.stop();
      drawing.clear();
    });
    $("invite-camera").addEventListener("click", () => sourcePicker.choose("camera"));
    $("invite-things").addEventListener("click", () => {
      this.stop();
      $("things-open").click();
    });
    promptEditor.input.addEventListener("pointerdown", () => this.endOpening());
    promptEditor.input.addEventListener("keydown", () => this.endOpening());
    promptEditor.input.addEventListener("input", () => $("invite").toggleAttribute("data-typed", true));
  }

  start() {
    const wanted = this.settings.get("source") ?? "draw";
    const needsClick = wanted === "screen" || wanted === "video";  // browsers ask for one
    const source = needsClick ? "draw" : wanted;
    this.sourcePicker.choose(source);
    const { linkedDrawing } = this.settings;
    const linked = linkedDrawing && textToAddress(linkedDrawing);
    const saved = linked ?? this.#readSaved();
    if (saved) this.#restore(saved);
    else if (this.sourcePicker.name === "draw") this.#drawFirst();
    else this.#isWaiting = true;
  }

  /** Called when the visitor chooses to draw. */
  drawingChosen() {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.drawNext({ keepPrompt: this.settings.fromLink || !this.promptIsOurs, invite: true });
  }

  /** Called when the server's default prompt is known: the doodle's prompt replaces that one. */
  settingsLoaded() {
    this.#loaded = true;
    const isOwn = this.settings.isChanged("prompt") || this.promptEditor.isTyping;
    if (this.#doodle && !isOwn) this.#showPrompt();
  }

  /** Draws the next doodle on an empty drawing. */
  async drawNext({ keepPrompt = false, invite = false } = {}) {
    this.stop();
    const doodle = this.#nextDoodle();
    this.#doodle = keepPrompt ? null : doodle;
    this.#opens = invite;
    if (this.drawing.edited || this.drawing.canUndo) this.drawing.clear();
    if (this.#loaded && this.#doodle) this.#showPrompt();
    const abort = new AbortController();
    this.#abort = abort;
    const complete = await drawDoodle(this.drawing, doodle, abort.signal);
    if (!complete || this.sourcePicker.name !== "draw" || !invite) return;
    const drawnAt = performance.now();
    await this.display.firstImage(abort.signal);
    if (abort.signal.aborted) return;
    const isQuick = performance.now() - drawnAt < OPENING_MS;  // else its prompts would pass unseen
    if (!keepPrompt && isQuick) await this.#showOpening(abort.signal);
    if (abort.signal.aborted) return;
    $("invite").hidden = false;
  }

  /** The visitor's own words end the opening; the invitation stays where there is room for it. */
  endOpening() {
    this.#openingEnds?.abort();
    this.promptEditor.refresh();
  }

  /** Other words make other things of the same lines, and the first words come back. */
  async #showOpening(signal) {
    const prompts = this.hints.opening;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (prompts.length < 2 || still || !this.promptIsOurs) return;
    const ends = this.#openingEnds = new AbortController();
    signal.addEventListener("abort", () => ends.abort());
    for (const prompt of [...prompts.slice(1), prompts[0]]) {
      const before = this.settings.get("prompt");
      await pause(OPENING_MS, ends.signal);
      if (!await this.#type(prompt, before, ends.signal)) return;
    }
  }

  /**
   * Types a prompt into the field; it takes effect at its end. False if the visitor ended it or has
   * chosen another prompt than `before`.
   */
  async #type(prompt, before, signal) {
    const isOver = () => signal.aborted || this.settings.get("prompt") !== before;
    for (let length = 1; length <= prompt.length; length += 1) {
      if (isOver()) return false;
      this.promptEditor.showText(prompt.slice(0, length));
      await pause(LETTER_MS, signal);
    }
    if (isOver()) return false;
    this.promptEditor.setOwnText(prompt);
    return true;
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
    const fitting = ownPrompt ? DEMO_DOODLES.findIndex((doodle) => isPromptOf(doodle, prompt)) : 0;
    this.#next = Math.max(0, fitting);
    this.drawNext({ keepPrompt: ownPrompt || this.settings.fromLink, invite: true });
  }

  /** Whether the present prompt is the server's or one of the doodles', not the visitor's. */
  get promptIsOurs() {
    return this.#isOurs(this.settings.get("prompt"));
  }

  #isOurs(prompt) {
    return [this.settings.defaults.prompt, this.hints.camera?.prompt].includes(prompt) ||
      this.hints.opening.includes(prompt) || DEMO_DOODLES.some((doodle) => isPromptOf(doodle, prompt));
  }

  /** The next one whose name the model knows; the next of all where it knows none, or none yet. */
  #nextDoodle() {
    const count = DEMO_DOODLES.length;
    const ahead = Array.from(DEMO_DOODLES, (_, i) => (this.#next + i) % count);
    const at = ahead.find((i) => this.#isKnown(DEMO_DOODLES[i].subject)) ?? ahead[0];
    this.#next = at + 1;
    return DEMO_DOODLES[at];
  }

  #isKnown(prompt) {
    return this.vocabulary.understand(prompt).unknown.length === 0;
  }

  /** The page opens with what the model's file says. A doodle that it has no name for is a thing it knows. */
  #showPrompt() {
    const { hints, promptEditor, settings } = this, doodle = this.#doodle;
    let prompt = promptOf(doodle, promptEditor.styles);
    if (this.#opens && hints.opening.length) [prompt] = hints.opening;
    else if (!this.#isKnown(doodle.subject)) {
      const others = [settings.get("prompt"), ...hints.concepts, ...promptEditor.concepts];
      prompt = others.find((other) => this.#isKnown(other));
    }
    promptEditor.setOwnText(prompt);
  }

  #saveSoon() {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => this.#save(), SAVE_DELAY_MS);
  }

  #save() {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = 0;
    const { drawing } = this;
    try {
      if (drawing.edited) sessionStorage.setItem(STORAGE_KEY, drawing.image.toDataURL("image/png"));
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
    try {
      await image.decode();
    } catch {
      return toast(t("The drawing in this link is damaged"));
    }
    this.drawing.open(image);
    this.drawing.edited = true;
  }
}
