// The prompt: takes effect while the visitor types. Chips offer what the model knows; what the model
// draws is said where it differs from the prompt. Unknown words are underlined and similar ones
// offered, but not while they are being typed.
import { $, element } from "./dom.js";
import { t } from "./language.js";
import { PROMPT_NAMES, plainPrompt } from "./prompt_meanings.js";
import { escapeRegExp, lastPart, namesIn, sample, withStyle, withoutLastPart, withSubject } from "./prompt_parts.js";
import { bindRovingFocus, updateRovingFocus } from "./roving_focus.js";

const TYPING_PAUSE_MS = 180;  // without a key before the prompt is sent
const WORD_PAUSE_MS = 600;  // without a key after which the last word counts as finished
const MAX_MATCHES = 14;
const MOST_PAST = 50;
const USUAL = 24;  // chips while nothing is typed

function chip(word, onClick, { text, lang } = { text: word, lang: "en" }, thumbnail = null) {
  const button = element("button", { type: "button", className: "chip", textContent: text, lang });
  button.dataset.word = word;
  if (thumbnail) button.prepend(element("img", { src: thumbnail, alt: "" }));
  button.addEventListener("click", onClick);
  return button;
}

/** Matches any of the words, but not inside a longer word. */
function wholeWords(words, flags) {
  return new RegExp(`(?<![\\w-])(?:${words.map(escapeRegExp).join("|")})(?![\\w-])`, flags);
}

/** A wheel moves the row of chips, which has no scroll bar. */
function scrollSideways(event) {
  if (event.deltaX) return;
  event.preventDefault();
  event.currentTarget.scrollLeft += event.deltaY;
}

const actions = new Map();  // by row of chips: what a click does with a chip's name

/** Fills the row with chips, unless it has them already, and marks those that the prompt has. */
function fillChips(row, names, present, hints, { onClick, thumbnails = {} }) {
  row.hidden = names.length === 0;
  actions.set(row, onClick);
  const shown = [...row.children].map((button) => button.dataset.word).join("|");
  if (shown !== names.join("|")) {
    row.replaceChildren(...names.map((name) =>
      chip(name, () => actions.get(row)(name), hints.inLanguage(name), thumbnails[name])));
  }
  for (const button of row.children) {
    button.setAttribute("aria-pressed", String(present.includes(button.dataset.word)));
  }
  updateRovingFocus(row);
}

export class PromptEditor {
  #shown = "";  // the words and warnings that the line beside the chips shows
  #warnings = [];  // of the server: words that did not fit, and the like
  #past = [];  // prompts that others replaced
  #beforeTyping = null;  // the prompt before the visitor began to type
  #timer = 0;
  #wordTimer = 0;
  #isBegun = false;  // a pause left a word unfinished that a known one begins with
  #featured = [];  // the model's best concepts: offered while nothing is typed, and at random
  #offered = [];  // those of the source, if it has its own

  constructor(settings, hints, vocabulary, meanings) {
    Object.assign(this, { settings, hints, vocabulary, meanings });
    this.concepts = [];
    this.styles = [];
    this.unknown = [];
    this.input = $("prompt");
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("scroll", () => this.#underline());
    this.input.addEventListener("blur", () => {
      this.#finishWord();
      this.#endTyping();
    });
    this.input.addEventListener("keydown", ({ key, isComposing }) => {
      if (!isComposing && (key === "Enter" || key === "Escape")) this.input.blur();
    });
    for (const row of [$("concepts"), $("styles")]) {
      row.addEventListener("wheel", scrollSideways);
      bindRovingFocus(row);
    }
    $("idea").addEventListener("click", () => this.setRandom());
    $("prompt-undo").addEventListener("click", ({ currentTarget, detail }) => {
      this.undo();
      const byKey = detail === 0;
      if (byKey && currentTarget.hidden) this.input.focus();  // and not nowhere
    });
    if (this.input.value) this.#typed();  // before the page was ready
    settings.addEventListener("change", ({ detail }) => {
      if (["prompt", "prompt2", "blend"].some((name) => name in detail.changes)) this.refresh();
    });
  }

  /** Takes the concepts and styles that the model knows. */
  load({ concepts = [], styles = [] }) {
    this.concepts = concepts;
    this.styles = styles;
    this.#featured = this.hints.concepts.length ? this.hints.concepts : concepts.slice(0, USUAL);
    $("idea").hidden = this.#featured.length === 0;  // a model without a list has none to offer
    this.input.value ||= this.settings.get("prompt");  // also where it has the focus already
    this.refresh();
  }

  /** Offers these concepts instead of the model's usual ones; none for the usual ones. */
  setFeatured(concepts) {
    this.#offered = concepts;
    this.#showChips();
  }

  /** Shows the present prompt. */
  refresh() {
    const focused = document.activeElement === this.input;
    if (!focused) this.input.value = this.settings.get("prompt") ?? "";
    this.#showChips();
    this.#showUnderstood();
    this.#underline();
  }

  /** The visitor has chosen a prompt. */
  setText(text) {
    this.#endTyping();
    this.#keep(this.settings.get("prompt"), text);
    this.#replaceText(text);
  }

  /** The visitor has chosen what is to be seen; style and background stay. */
  setSubject(concept) {
    this.setText(withSubject(this.input.value, concept, this.#styleOf));
  }

  #setStyle(prompt, style) {
    this.setText(withStyle(prompt, style, this.#styleOf));
  }

  #styleOf = (part, later) => this.vocabulary.styleOf(part, later);

  #keep(before, now) {
    if (before !== now) this.#past.push(before);
    this.#past.splice(0, this.#past.length - MOST_PAST);
    $("prompt-undo").hidden = this.#past.length === 0;
  }

  /** What was typed is a prompt of its own: undo() leads back to the one before it. */
  #endTyping() {
    const before = this.#beforeTyping;
    this.#beforeTyping = null;
    if (before !== null) this.#keep(before, this.settings.get("prompt"));
  }

  /** The page has: undo() brings back what it replaces if that was the visitor's, and never this. */
  setOwnText(text) {
    const before = this.settings.get("prompt");
    if (this.isOwn(before)) return this.#replaceText(text);
    this.setText(text);
  }

  /** Takes back the last change: by typing, a chip, an idea or a suggestion. */
  undo() {
    if (!this.#past.length) return;
    const before = this.#past.pop();
    $("prompt-undo").hidden = this.#past.length === 0;
    this.#replaceText(before);
  }

  /** Whether the visitor types one. */
  get isTyping() { return this.#typing; }

  /** Whether a prompt is the page's, and not the visitor's. */
  isOwn = () => false;

  #replaceText(text) {
    this.input.value = text;
    this.#typing = false;
    clearTimeout(this.#timer);
    clearTimeout(this.#wordTimer);
    this.settings.set({ prompt: text });
    this.refresh();
  }

  /** Called when the vocabulary has learned more words: the prompt may mean something else now. */
  vocabularyLoaded() {
    const changed = PROMPT_NAMES.filter((name) => this.settings.isChanged(name));
    this.settings.set(Object.fromEntries(changed.map((name) => [name, this.settings.get(name)])));
    this.refresh();
  }

  /** Shows a text in the field without sending it: the page types. */
  showText(text) {
    this.input.value = text;
  }

  setRandom() {
    const [concept] = sample(this.#usual, 1);
    const [style] = sample(this.styles.filter((name) => !/avatar|face/.test(name)), 1);
    if (concept) this.setText([concept, style].filter(Boolean).join(", "));
  }

  /** Takes the server's warnings; those about the prompt are shown beside the chips. */
  showWarnings(warnings) {
    this.#warnings = warnings.filter(({ param }) => param === "prompt");
    this.#showUnderstood();
  }

  /** Says what is drawn where that is not what is written, which words are unknown, and warnings. */
  #showUnderstood() {
    const prompt = this.input.value;
    const { text, unknown: notKnown, kept } = this.meanings.of(prompt, "prompt");
    const unknown = this.unknown = this.vocabulary.complete ? notKnown : [];
    // Each change of any setting comes here: a chip must not vanish under the pointer.
    const isTyping = (this.#typing && !this.#isBegun) || !this.vocabulary.complete;
    const morph = this.#morph();
    const shown = JSON.stringify([prompt, text, unknown, isTyping, morph, this.#warnings]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#underline();
    const line = $("unknown");
    const isBlank = !prompt.trim();  // which the page says in its own words
    line.replaceChildren(...(isBlank ? [] : this.#warnings).map(({ message }) =>
      element("div", { textContent: message })));
    if (unknown.length) {
      line.append(`${t("Unknown:")} `, element("em", { textContent: unknown.join(", ") }));
      const [near] = unknown.map((word) => [word, this.vocabulary.near(word)])
        .filter(([, words]) => words.length);
      if (near) line.append(t("try"), " ", ...near[1].map((word) =>
        chip(word, () => this.#replace(near[0], word))));
    }
    if ((isBlank || text !== plainPrompt(prompt)) && !isTyping) {
      const drawn = text || t("only what is in the input");
      const textContent = `${kept ? t("Still drawing:") : t("Drawing:")} ${drawn}`;
      line.append(element("span", { className: "understood", textContent }));
    }
    if (morph) line.append(element("span", { className: "understood", textContent: morph }));
  }

  /** The prompt that this one morphs into, and how far; "" if there is none. */
  #morph() {
    const other = this.settings.get("prompt2") ?? "";
    const { text } = this.meanings.of(other, "prompt2");
    const share = Math.round((this.settings.get("blend") ?? 0.5) * 100);
    return text && share > 0 ? `${t("Morph into")}: ${text} (${share} %)` : "";
  }

  /** Whether the last word may not be finished. */
  get #typing() { return this.meanings.typed.has("prompt"); }

  set #typing(typing) {
    this.#isBegun = false;
    if (typing) this.meanings.typed.add("prompt");
    else this.meanings.typed.delete("prompt");
  }

  get #usual() {
    return this.#offered.length ? this.#offered : this.#featured;
  }

  #replace(word, replacement) {
    this.setText(this.input.value.replace(wholeWords([word], "i"), replacement));
  }

  #typed() {
    this.#beforeTyping ??= this.settings.get("prompt");
    this.#typing = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#wordTimer);
    this.#timer = setTimeout(() => this.#send(), TYPING_PAUSE_MS);
    this.#wordTimer = setTimeout(() => this.#pause(), WORD_PAUSE_MS);
    this.#showChips();
    this.#showUnderstood();
    this.#underline();
  }

  /** The last word counts as finished, unless a known one begins so: that one is drawn, and said. */
  #pause() {
    if (!this.#typing) return;
    this.#isBegun = this.meanings.of(this.input.value, "prompt").begun;
    if (this.#isBegun) this.#showUnderstood();
    else this.#finishWord();
  }

  /** The last word is finished: it counts as written, and is sent if it means something else now. */
  #finishWord() {
    if (!this.#typing) return;
    clearTimeout(this.#wordTimer);
    const prompt = this.input.value.trim();
    const before = this.meanings.of(prompt, "prompt").text;
    this.#typing = false;
    const isNew = this.meanings.of(prompt, "prompt").text !== before;
    if (isNew) this.settings.set({ prompt });
    this.#send();
    this.#showUnderstood();
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
    for (const match of text.matchAll(wholeWords(this.unknown, "gi"))) {
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
    const matches = this.vocabulary.search(typed);
    return matches.length ? matches.slice(0, MAX_MATCHES) : this.#usual;
  }

  /** The styles that the last part may become: they are offered instead of concepts. */
  #begunStyles() {
    return document.activeElement === this.input ? this.vocabulary.begunStyles(this.input.value) : [];
  }

  #showChips() {
    const { hints, styles } = this, begun = this.#begunStyles();
    const present = namesIn(this.input.value, this.#styleOf);
    fillChips($("concepts"), begun.length ? begun : this.#offeredConcepts(), present, hints, {
      onClick: begun.length ?
        (name) => this.#setStyle(withoutLastPart(this.input.value), name) :
        (name) => this.setSubject(name),
    });
    fillChips($("styles"), styles, present, hints, {
      onClick: (name) => this.#setStyle(this.input.value, name),
      thumbnails: hints.thumbnails,
    });
  }
}
