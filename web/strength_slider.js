// The slider between the input and the prompt: it sets `strength`, spread by the model's hints so
// that equal ways look like equal changes, with the best range for drawings marked.
import { $ } from "./dom.js";
import { t } from "./language.js";

const NAMES = { draw: "My lines", camera: "My camera", screen: "My screen", video: "My video" };

export class StrengthSlider {
  #source = "draw";

  constructor(settings, hints) {
    Object.assign(this, { settings, hints });
    this.slider = $("strength");
    this.slider.addEventListener("input", () => {
      settings.set({ strength: hints.strengthAt(Number(this.slider.value)) });
      this.#show();
    });
  }

  /** `name` of the source: the prompt alone has nothing to follow but the words. */
  setSource(name) {
    this.#source = name;
    this.refresh();
    $("follow").hidden = !(name in NAMES);
    $("follow-what").textContent = t(NAMES[name] ?? "");
  }

  /** Shows the present strength, unless the visitor is moving the slider. */
  refresh() {
    const strength = this.settings.get("strength");
    if (typeof strength === "number" && !this.slider.matches(":active")) {
      this.slider.value = this.hints.positionOf(strength);
    }
    this.#show();
    const mark = $("strength-best"), best = this.#source === "draw" && this.hints.best;
    mark.hidden = !best;
    if (!best) return;
    const [from, to] = best.map((value) => this.hints.positionOf(value));
    mark.style.setProperty("--from", from);
    mark.style.setProperty("--to", to);
  }

  #show() {
    const { slider } = this;
    slider.style.setProperty("--at", `${slider.value * 100}%`);
    slider.setAttribute("aria-valuetext", t("{share} % imagination",
      { share: Math.round(slider.value * 100) }));
  }
}
