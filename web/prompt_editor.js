// The prompt: takes effect while the visitor types. Chips offer what the model knows, unknown words
// are underlined and similar ones offered. The slider between drawing and words belongs here too.
import { $, element } from "./dom.js";
import { escapeRegExp, hasPart, lastPart, sample, withStyle, withSubject } from "./prompt_parts.js";

const TYPING_PAUSE_MS = 180;  // without a key before the prompt is sent
const MAX_MATCHES = 14;
const FEATURED = [
  "red apple", "cat face", "house", "mushroom", "tropical fish", "rocket", "penguin", "sunflower",
  "strawberry", "butterfly", "robot", "ghost",
];

function chip(text, onClick) {
  const button = element("button", { type: "button", className: "chip", textContent: text });
  button.addEventListener("click", onClick);
  return button;
}

/** Matches any of the words, but not inside a longer word. */
function wholeWords(words, flags) {
  return new RegExp(`(?<![\\w-])(?:${words.map(escapeRegExp).join("|")})(?![\\w-])`, flags);
}

/** Fills the row with chips, unless it has them already, and marks those in the prompt. */
function fillChips(row, names, prompt, onClick) {
  const present = [...row.children].map((button) => button.textContent).join("|");
  if (present !== names.join("|")) {
    row.replaceChildren(...names.map((name) => chip(name, () => onClick(name))));
  }
  for (const button of row.children) {
    button.setAttribute("aria-pressed", String(hasPart(prompt, button.textContent)));
  }
}

export class PromptEditor {
  #warnings = "[]";  // shown last
  #timer = 0;
  #usual = [];  // the concepts offered while nothing is typed
  #simple = [];  // the concepts that a random prompt is made of

  constructor(settings) {
    this.settings = settings;
    this.concepts = [];
    this.styles = [];
    this.unknown = [];
    this.input = $("prompt");
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("scroll", () => this.#underline());
    this.input.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") this.#send();
      if (key === "Enter" || key === "Escape") this.input.blur();
    });
    $("idea").addEventListener("click", () => this.setRandom());
    const slider = $("strength");
    slider.addEventListener("input", () => settings.set({ strength: Number(slider.value) }));
    settings.addEventListener("change", ({ detail }) => {
      if ("prompt" in detail.changes) this.refresh();
    });
  }

  /** Takes the concepts and styles that the model knows. */
  load({ concepts = [], styles = [] }) {
    this.concepts = concepts;
    this.styles = styles;
    const featured = FEATURED.filter((name) => concepts.includes(name));
    const simple = concepts.slice(0, 320).filter((name) =>
      name.length < 13 && !/face|hand|man|woman/.test(name) && !featured.includes(name));
    this.#usual = featured.length > 4
      ? [...featured, ...sample(simple, 12, () => 0)]
      : concepts.slice(0, 24);
    this.#simple = [...featured, ...simple];
    this.refresh();
  }

  /** Shows the present prompt and strength. */
  refresh() {
    const focused = document.activeElement === this.input;
    if (!focused) this.input.value = this.settings.get("prompt") ?? "";
    const slider = $("strength");
    const strength = this.settings.get("strength");
    if (typeof strength === "number" && !slider.matches(":active")) slider.value = strength;
    slider.style.setProperty("--at", `${slider.value * 100}%`);
    slider.setAttribute("aria-valuetext", `${Math.round(slider.value * 100)} % words`);
    this.#showChips();
    this.#underline();
  }

  setText(text) {
    this.input.value = text;
    this.unknown = [];
    this.#warnings = "";
    clearTimeout(this.#timer);
    this.settings.set({ prompt: text });
    this.refresh();
  }

  setRandom() {
    const [concept] = sample(this.#simple, 1);
    const [style] = sample(this.styles.filter((name) => !/avatar|face/.test(name)), 1);
    if (concept) this.setText([concept, style].filter(Boolean).join(", "));
  }

  /** Shows the server's warnings: words that the model does not know, and words left out. */
  showWarnings(warnings) {
    // Each change of any setting is answered with them: a chip must not vanish under the pointer.
    const shown = JSON.stringify(warnings);
    if (shown === this.#warnings) return;
    this.#warnings = shown;
    this.unknown = warnings.filter(({ word }) => word);
    this.#underline();
    const line = $("unknown");
    line.replaceChildren();
    const others = warnings.filter(({ param }) => param === "prompt");
    for (const { message } of others) line.append(element("div", { textContent: message }));
    const [first] = this.unknown;
    if (!first) return;
    const similar = (first.near ?? []).slice(0, 3);
    const text = similar.length ? " is unknown; try" : " is not a word this model knows";
    line.append(element("em", { textContent: first.word }), text);
    line.append(...similar.map((word) => chip(word, () => this.#replace(first.word, word))));
  }

  #replace(word, replacement) {
    this.setText(this.input.value.replace(wholeWords([word], "i"), replacement));
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), TYPING_PAUSE_MS);
    this.#showChips();
    this.#underline();
  }

  #send() {
    clearTimeout(this.#timer);
    const prompt = this.input.value.trim();
    if (prompt !== this.settings.get("prompt")) this.settings.set({ prompt });
  }

  /** A transparent copy of the prompt lies under the field; its <mark>s carry the underline. */
  #underline() {
    const underlay = $("prompt-underlay");
    underlay.replaceChildren();
    if (!this.unknown.length) return;
    const text = this.input.value;
    let from = 0;
    for (const match of text.matchAll(wholeWords(this.unknown.map(({ word }) => word), "gi"))) {
      const mark = element("mark", { textContent: match[0] });
      underlay.append(text.slice(from, match.index), mark);
      from = match.index + match[0].length;
    }
    underlay.append(text.slice(from));
    underlay.scrollLeft = this.input.scrollLeft;
  }

  /** While the visitor types, the concepts that match: first those that begin with the words. */
  #offeredConcepts() {
    if (document.activeElement !== this.input) return this.#usual;
    const typed = lastPart(this.input.value);
    const complete = this.concepts.includes(typed) || this.styles.includes(typed);
    if (typed.length < 2 || complete) return this.#usual;
    const matches = this.concepts.filter((name) => name.includes(typed));
    const beginning = matches.filter((name) => name.startsWith(typed));
    const containing = matches.filter((name) => !name.startsWith(typed));
    beginning.sort((a, b) => a.length - b.length);
    return matches.length ? [...beginning, ...containing].slice(0, MAX_MATCHES) : this.#usual;
  }

  #showChips() {
    const prompt = this.input.value;
    fillChips($("concepts"), this.#offeredConcepts(), prompt, (name) =>
      this.setText(withSubject(this.input.value, name, this.styles)));
    fillChips($("styles"), this.styles, prompt, (name) =>
      this.setText(withStyle(this.input.value, name, this.styles)));
  }
}
