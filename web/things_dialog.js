// All things that the model knows, as a grid to search and pick from: with a thumbnail or an emoji
// where there is one. A search finds synonyms, emoji and words of other languages, too.
import { $, element } from "./dom.js";
import { t } from "./language.js";
import { bindRovingFocus, updateRovingFocus } from "./roving_focus.js";

/** Whether this browser draws emoji in color; where it has no font for them, it draws boxes. */
function drawsEmoji() {
  const context = element("canvas", { width: 20, height: 20 }).getContext("2d");
  context.font = "16px sans-serif";
  context.fillText("\u{1f600}", 0, 16);
  const { data } = context.getImageData(0, 0, 20, 20);
  return data.some((value, i) => i % 4 < 3 && value > 40 && data[i - (i % 4) + 3] > 0);
}

const DRAWS_EMOJI = drawsEmoji();

export class ThingsDialog {
  #buttons = new Map();  // by concept, in the usual order

  constructor({ hints, vocabulary, promptEditor }) {
    Object.assign(this, { hints, vocabulary, promptEditor });
    this.dialog = $("things");
    this.search = $("things-search");
    this.search.addEventListener("input", () => this.#filter());
    this.search.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      const first = $("things-grid").querySelector("button:not([hidden])");
      if (event.key === "Enter") first?.click();
      else if (event.key === "ArrowDown") first?.focus();
      else return;
      event.preventDefault();
    });
    bindRovingFocus($("things-grid"), { grid: true });
    $("things-open").addEventListener("click", () => this.show());
    this.dialog.addEventListener("click", ({ target }) => {
      if (target === this.dialog) this.dialog.close();
    });
  }

  show() {
    this.#build();
    this.search.value = "";
    this.#filter();
    this.dialog.showModal();
    this.search.focus();
  }

  /** Called when the model's lists are known, and again when its words are, the emoji among them. */
  load() {
    const none = this.promptEditor.concepts.length === 0;
    $("things-open").hidden = $("invite-things").hidden = none;
    const name = this.#emoji.length ? t("All things and emoji") : t("All things");
    $("things-open").title = $("things-title").textContent = name;
  }

  /** [emoji, concept] of those that can be shown. */
  get #emoji() {
    return DRAWS_EMOJI ? this.vocabulary.emoji : [];
  }

  #build() {
    const symbols = new Map(this.#emoji.map(([symbol, concept]) => [concept, symbol]));
    const { concepts } = this.promptEditor;
    const featured = this.hints.concepts.filter((name) => concepts.includes(name));
    // Things with a picture come first: there are no holes among them.
    const rank = (name) => [name in this.hints.thumbnails, symbols.has(name), true].indexOf(true);
    const ordered = [...new Set([...featured, ...concepts])].sort((a, b) => rank(a) - rank(b));
    this.#buttons = new Map(ordered.map((concept) =>
      [concept, this.#button(concept, symbols.get(concept))]));
  }

  #button(concept, symbol) {
    const button = element("button", { type: "button", className: "thing" });
    const address = this.hints.thumbnails[concept];
    if (address) button.append(element("img", { src: address, alt: "", width: 48, height: 48 }));
    else if (symbol) {
      const picture = element("span", { className: "thing-symbol", textContent: symbol });
      picture.setAttribute("aria-hidden", "true");
      button.append(picture);
    }
    const { text: textContent, lang } = this.hints.inLanguage(concept);
    button.append(element("span", { textContent, lang }));
    button.addEventListener("click", () => {
      this.promptEditor.setSubject(concept);
      this.dialog.close();
    });
    return button;
  }

  /** What the words mean, and what the buttons show. */
  #search(query) {
    const shown = [...this.#buttons].filter(([, button]) =>
      button.textContent.toLowerCase().includes(query.toLowerCase()));
    return [...this.vocabulary.search(query), ...shown.map(([concept]) => concept)];
  }

  #filter() {
    const query = this.search.value.trim();
    const found = new Set(query ? this.#search(query) : this.#buttons.keys());
    for (const [concept, button] of this.#buttons) button.hidden = !found.has(concept);
    const first = [...found].map((concept) => this.#buttons.get(concept)).filter(Boolean);
    $("things-grid").replaceChildren(...new Set([...first, ...this.#buttons.values()]));
    updateRovingFocus($("things-grid"));
    $("things-none").hidden = found.size > 0;
  }
}
