// The button MIDI of the settings and what it opens: while it is pressed, a slider that is touched
// gets the knob or fader that is moved next. Below is which control moves what.
import { $, element, icon } from "./dom.js";
import { t } from "./language.js";
import { Midi } from "./midi.js";

const OBSTACLES = {
  missing: "This browser has no Web MIDI. Chrome, Edge and Firefox have it.",
  insecure: "MIDI needs a secure connection.",
};

function titleOf(id) {
  const slider = $(id);
  return slider?.labels?.[0]?.textContent.trim() || slider?.getAttribute("aria-label") || id.replace("setting-", "");
}

function controlText({ device, channel, control }) {
  const what = control === "bend" ? t("pitch bend") : t("control {number}", { number: control });
  return `${device}, ${t("channel {number}", { number: channel })}, ${what}`;
}

export class MidiPanel {
  constructor() {
    this.midi = new Midi();
    this.midi.addEventListener("change", () => this.#show());
    this.midi.addEventListener("assigned", ({ detail: id }) => {
      this.#say(t("{name} is moved by {control} now.",
        { name: titleOf(id), control: controlText(this.midi.assignments.get(id)) }));
    });
    this.midi.addEventListener("devices", () => this.#devicesChanged());
    $("midi-learn").addEventListener("click", () => this.learn(!this.learning));
    for (const event of ["pointerdown", "focusin"]) {
      addEventListener(event, ({ target }) => this.#touch(target));
    }
    this.midi.resume();
  }

  get learning() { return !$("midi").hidden; }

  /** Marks the sliders again, after the panel was built anew. */
  refresh() { this.#show(); }

  /** Begins or ends the choice of controls. */
  async learn(on) {
    $("midi").hidden = !on;
    $("midi-learn").setAttribute("aria-pressed", String(on));
    this.midi.waiting = null;
    this.#show();
    if (!on) return;
    if (Midi.obstacle) return this.#say(t(OBSTACLES[Midi.obstacle]));
    try {
      await this.midi.open();
      this.#invite();
    } catch (error) {
      const refused = ["NotAllowedError", "SecurityError"].includes(error.name);
      this.#say(refused ? t("MIDI was not allowed.")
        : t("MIDI did not start: {reason}", { reason: error.message }));
    }
  }

  #touch(target) {
    const isSlider = target.matches?.('input[type="range"]') && target.id;
    if (!this.learning || !isSlider || Midi.obstacle) return;
    this.midi.waiting = target.id;
    this.#say(t("Now move a knob or fader for: {name}", { name: titleOf(target.id) }));
    this.#show();
  }

  #devicesChanged() {
    this.#show();
    if (this.learning && this.midi.waiting === null) this.#invite();
  }

  /** Says what to do, by what is connected. */
  #invite() {
    const names = this.midi.devices.join(", ");
    this.#say(names ? t("Touch a slider of the page, then move a knob or fader of {names}.", { names })
      : t("No MIDI controller is connected. It can be connected now."));
  }

  #say(text) {
    $("midi-status").textContent = text;
  }

  #show() {
    for (const slider of document.querySelectorAll('input[type="range"]')) {
      const { learning, midi: { waiting, assignments } } = this;
      const mark = slider.id === waiting ? "waiting" : assignments.has(slider.id) ? "set" : "free";
      if (learning) slider.dataset.midi = mark;
      else delete slider.dataset.midi;
    }
    if (!this.learning) return;
    $("midi-list").replaceChildren(...[...this.midi.assignments].map(
      ([id, control]) => this.#row(id, control)));
  }

  #row(id, control) {
    const text = element("span", {}, element("b", { textContent: titleOf(id) }), " ",
      controlText(control));
    if (!this.midi.devices.includes(control.device)) text.append(` (${t("not connected")})`);
    const label = t("Release {name} from MIDI", { name: titleOf(id) });
    const button = element("button", { type: "button", className: "tool", title: label }, icon("close"));
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => this.midi.forget(id));
    return element("li", {}, text, button);
  }
}
