// What a source starts with: the camera brings a prompt and a strength of its own, each unless the
// visitor has chosen one, and takes them along when another source is chosen. They are the model's
// for the camera, or else the default prompt: what a doodle shows says nothing of the camera.
import { $ } from "./dom.js";

export class SourcePrompts {
  #kept = null;  // the prompt from before the camera, and what the camera brought

  constructor({ settings, hints, promptEditor, onboarding }) {
    Object.assign(this, { settings, hints, promptEditor, onboarding });
  }

  /** Called when a source is chosen. */
  choose(name) {
    const isCamera = name === "camera";
    const camera = { prompt: this.settings.defaults.prompt, ...this.hints.camera };
    this.promptEditor.setFeatured(isCamera ? camera.concepts ?? [] : []);
    const { text, lang } = this.hints.inLanguage(isCamera ? camera.note ?? "" : "");
    $("in-hint").textContent = text;
    $("in-hint").lang = lang;
    $("in-hint").hidden = !$("in-hint").textContent;
    if (isCamera) this.#enter(camera);
    else this.#leave();
  }

  /** Called when the hints are those of a model. */
  modelChanged(name) {
    this.#leave();
    this.choose(name);
  }

  #enter({ prompt, strength }) {
    if (this.#kept || this.settings.fromLink) return;
    this.#kept = { brought: {} };
    if (prompt !== undefined && this.onboarding.promptIsOurs) this.#bringPrompt(prompt);
    const isOwn = this.settings.isChanged("strength") && this.settings.get("strength") !== strength;
    if (strength !== undefined && !isOwn) {  // it is the camera's own after a reload
      this.#kept.brought.strength = strength;
      this.settings.set({ strength });
    }
  }

  #bringPrompt(prompt) {
    const text = this.settings.get("prompt");
    this.#kept.prompt = text === prompt ? this.settings.defaults.prompt : text;
    this.#kept.brought.prompt = prompt;
    this.promptEditor.setOwnText(prompt);
  }

  /** Takes back what the camera brought, unless the visitor has changed it. */
  #leave() {
    const kept = this.#kept;
    this.#kept = null;
    if (!kept) return;
    const { prompt, strength } = kept.brought;  // the model may be another one now
    if (this.settings.get("prompt") === prompt) this.promptEditor.setOwnText(kept.prompt);
    if (this.settings.get("strength") === strength) this.settings.reset(["strength"]);
  }
}
