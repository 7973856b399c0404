// The prompt: takes effect while one types; chips of what the model knows; words it does not know underlined, near ones offered;
// and the slider between the drawing and the words.
import { escaped, hasPart, lookedFor, pick, withStyle, withSubject } from "./prompt_parts.js";

const PAUSE = 180;  // ms without a key before the prompt is sent
const FIRST = ["red apple", "cat face", "house", "mushroom", "tropical fish", "rocket", "penguin", "sunflower", "strawberry", "butterfly", "robot", "ghost"];
const $ = (id) => document.getElementById(id);

function chip(text, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "chip";
  button.textContent = text;
  button.addEventListener("click", press);
  return button;
}

export class PromptEditor extends EventTarget {
  #timer = 0;
  #shown = [];

  constructor(settings) {
    super();
    this.settings = settings;
    this.concepts = [];
    this.styles = [];
    this.unknown = [];
    this.input = $("prompt");
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("scroll", () => this.#underline());
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { this.#send(); this.input.blur(); }
      if (event.key === "Escape") this.input.blur();
    });
    $("idea").addEventListener("click", () => this.surprise());
    const slider = $("strength");
    slider.addEventListener("input", () => this.settings.set({ strength: Number(slider.value) }));
    settings.addEventListener("change", ({ detail }) => { if ("prompt" in detail.changes) this.refresh(); });
  }

  learn({ concepts = [], styles = [], sample_prompt: sample = "" }) {
    this.concepts = concepts;
    this.styles = styles;
    this.sample = sample;
    const known = FIRST.filter((c) => concepts.includes(c));
    const plain = concepts.slice(0, 320).filter((c) => c.length < 13 && !/face|hand|man|woman/.test(c) && !known.includes(c));
    this.#shown = known.length > 4 ? [...known, ...pick(plain, 12, () => 0)] : concepts.slice(0, 24);
    this.plain = [...known, ...plain];
    this.refresh();
  }

  /** Brings the prompt, its chips and the slider up to what is in force. */
  refresh() {
    if (document.activeElement !== this.input) this.input.value = this.settings.get("prompt") ?? "";
    const slider = $("strength");
    const strength = this.settings.get("strength");
    if (typeof strength === "number" && !slider.matches(":active")) slider.value = strength;
    slider.style.setProperty("--at", `${slider.value * 100}%`);
    slider.setAttribute("aria-valuetext", `${Math.round(slider.value * 100)} % words`);
    this.#chips();
    this.#underline();
  }

  put(text) {
    this.input.value = text;
    this.unknown = [];
    clearTimeout(this.#timer);
    this.settings.set({ prompt: text });
    this.refresh();
  }

  surprise() {
    const [concept] = pick(this.plain ?? [], 1);
    const [style] = pick(this.styles.filter((s) => !/avatar|face/.test(s)), 1);
    if (concept) this.put([concept, style].filter(Boolean).join(", "));
  }

  /** The server's warnings: words it does not know. */
  warn(warnings) {
    this.unknown = warnings.filter((w) => w.word);
    this.#underline();
    const line = $("unknown");
    line.replaceChildren();
    const [first] = this.unknown;
    if (!first) return;
    const word = document.createElement("em");
    word.textContent = first.word;
    line.append(word, first.near?.length ? " is unknown; try" : " is not a word this model knows");
    for (const near of (first.near ?? []).slice(0, 3)) {
      line.append(chip(near, () => this.put(this.input.value.replace(new RegExp(`(?<![\\w-])${escaped(first.word)}(?![\\w-])`, "i"), near))));
    }
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), PAUSE);
    this.#chips();
    this.#underline();
  }

  #send() {
    clearTimeout(this.#timer);
    const prompt = this.input.value.trim();
    if (prompt !== this.settings.get("prompt")) this.settings.set({ prompt });
  }

  #underline() {
    const underlay = $("prompt-underlay");
    underlay.replaceChildren();
    if (!this.unknown.length) return;
    const text = this.input.value;
    const words = this.unknown.map((w) => escaped(w.word)).join("|");
    let from = 0;
    for (const match of text.matchAll(new RegExp(`(?<![\\w-])(?:${words})(?![\\w-])`, "gi"))) {
      const mark = document.createElement("mark");
      mark.textContent = match[0];
      underlay.append(text.slice(from, match.index), mark);
      from = match.index + match[0].length;
    }
    underlay.append(text.slice(from));
    underlay.scrollLeft = this.input.scrollLeft;
  }

  /** While one types, the concepts that begin with or contain what is typed; else the usual ones. */
  #choices() {
    if (document.activeElement !== this.input) return this.#shown;
    const looked = lookedFor(this.input.value);
    if (looked.length < 2 || this.concepts.includes(looked) || this.styles.includes(looked)) return this.#shown;
    const begins = this.concepts.filter((c) => c.startsWith(looked));
    const holds = this.concepts.filter((c) => !c.startsWith(looked) && c.includes(looked));
    const found = [...begins.sort((a, b) => a.length - b.length), ...holds].slice(0, 14);
    return found.length ? found : this.#shown;
  }

  #chips() {
    const prompt = this.input.value;
    const put = (row, names, press) => {
      const old = [...row.children].map((c) => c.textContent).join("|");
      if (old !== names.join("|")) row.replaceChildren(...names.map((name) => chip(name, () => press(name))));
      for (const button of row.children) button.setAttribute("aria-pressed", String(hasPart(prompt, button.textContent)));
    };
    put($("concepts"), this.#choices(), (name) => this.put(withSubject(this.input.value, name, this.styles)));
    put($("styles"), this.styles, (name) => this.put(withStyle(this.input.value, name, this.styles)));
  }
}
