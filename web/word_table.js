// The words that a model knows, with what leads to them: a concept's own name first, then the words
// of /api/words, then their plurals.
import { englishPlurals, englishSingulars, fold, katakana, otherSingulars } from "./word_forms.js";
import { phraseOf, tokensOf } from "./prompt_tokens.js";
import { WordMap } from "./word_map.js";

const COMMON = new Set(("a an and at background big by for from her his in its large left little my " +
  "of on one or over right side small some the three to two under up very with without your")
  .split(" "));
const MAX_NEAR = 3;
const MIN_NEAR_TABLE = 5;  // letters: shorter words are near to too many of all languages
const MIN_COMPLETED = 2, MIN_COMPLETED_TABLE = 3;  // letters of a half-typed word

export function wordsOf(text) {
  return text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}'’-]*/gu) ?? [];
}

/** The number of insertions, deletions, replacements and swaps between two words, or more than `most`. */
function editDistance(a, b, most) {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before = [], row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let k = 1; k <= b.length; k += 1) {
      const swapped = i > 1 && k > 1 && a[i - 1] === b[k - 2] && a[i - 2] === b[k - 1];
      next.push(Math.min(row[k] + 1, next[k - 1] + 1, row[k - 1] + (a[i - 1] !== b[k - 1]),
        swapped ? before[k - 2] + 1 : Infinity));
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}

/** Nearly every short word is one letter from another: a letter may be wrong, or one be missing. */
function mayBeShort(word, known) {
  return known.length === word.length || (known.length === word.length + 1 && known[0] === word[0]);
}

/** Those of the candidates that are spelled nearly so; `strict`: with one letter less that differs. */
function closest(word, candidates, strict = false) {
  const isShort = word.length <= 4;
  const most = Math.max(1, (isShort ? 1 : word.length <= 7 ? 2 : 3) - strict);
  const ranked = candidates
    .filter((known) => !COMMON.has(known) && known.length > 2 &&
      (isShort ? mayBeShort(word, known) : Math.abs(known.length - word.length) <= most))
    .map((known) => [editDistance(word, known, most), known])
    .filter(([distance]) => distance <= most);
  ranked.sort((a, b) => a[0] - b[0] || a[1].length - b[1].length);
  return ranked.slice(0, MAX_NEAR).map(([, known]) => known);
}

/** A text as prompts are looked up: its words, without what stands between them. */
function wordsAlone(text) {
  return phraseOf(tokensOf(text).filter(({ kind }) => kind === "word").map((token) => token.text));
}

export function lastWord(name) { return name.split(" ").at(-1); }

function namesOf(list) { return new WordMap(Object.fromEntries(list.map((name) => [name, name]))); }

export class WordTable {
  styles = [];
  #concepts = new WordMap();
  #colors = new WordMap();
  #shown = new Map();  // names of concepts as the page shows them in other languages, folded
  #styleNames = new Map();  // of styles, in all languages: style
  #known = new Set();  // every single word of concepts, styles and colors
  #words = new WordMap();  // of English
  #other = new WordMap();  // of other languages
  #written = new Map();  // with accents, because they are English words without
  #moods = new WordMap();
  #vague = new WordMap();
  #local = new WordMap();  // of the page's language, that mean another thing elsewhere

  /** `page.translations`: by language, what the page shows for names of the lists. */
  loadLists({ concepts = [], styles = [], colors = [], page = {} }) {
    this.#concepts = namesOf(concepts);
    this.#colors = namesOf(colors);
    this.styles = styles;
    this.#known = new Set([...concepts, ...styles, ...colors].flatMap(wordsOf));
    const shown = Object.values(page.translations ?? {}).flatMap(Object.entries);
    const isConcept = new Set(concepts), isStyle = new Set(styles);
    this.#shown = new Map(shown.filter(([name]) => isConcept.has(name))
      .map(([name, text]) => [fold(wordsAlone(text)), name]));
    this.#styleNames = new Map([...shown, ...styles.map((name) => [name, name])]
      .filter(([name]) => isStyle.has(name)).map(([name, text]) => [fold(wordsAlone(text)), name]));
  }

  loadWords({ words = {}, other = {}, written = {}, alone = {}, near = {}, ...byLanguage }) {
    this.#words = new WordMap(words);
    this.#other = new WordMap(other);
    this.#written = new Map(Object.entries(written));
    this.#moods = new WordMap(alone);
    this.#vague = new WordMap(near);
    this.#local = new WordMap(byLanguage[document.documentElement.lang]);
  }

  get empty() { return this.#concepts.size === 0; }

  concept(name) { return this.#concepts.get(name); }

  /** The style of this folded name, in any language. */
  style(name) { return this.#styleNames.get(name); }

  /** Styles with a name that begins with these folded letters, in the model's order; `shown`: also a
   * name that the page shows in another language. */
  stylesBeginning(letters, shown = true) {
    const begun = [...this.#styleNames].filter(([name]) => name.startsWith(letters))
      .filter(([name, style]) => shown || name === style).map(([, style]) => style);
    return this.styles.filter((style) => begun.includes(style));
  }

  /** "concept" or "color" if a folded word leads to one. */
  kind(word) {
    if (this.#colors.has(word)) return "color";
    const meaning = this.#concepts.get(word) ?? this.#shown.get(word) ?? this.#words.get(word) ??
      this.#other.get(word);
    if (meaning === undefined) return this.#moods.has(word) ? "concept" : undefined;
    return this.#colors.has(meaning) ? "color" : "concept";
  }

  /** What a phrase as written leads to: {text, kind, own: the concept}, or null. */
  find(written) {
    const phrase = fold(written);
    if (COMMON.has(phrase) && !this.#written.has(written)) return null;
    const singulars = englishSingulars(phrase);
    const others = this.#isEnglish(phrase) ? [] : otherSingulars(phrase, written);
    return this.#named(phrase) ?? this.#styleNamed(phrase) ?? this.#meant(this.#local.get(phrase)) ??
      this.#meant(this.#written.get(written)) ??
      this.#meant(this.#shown.get(phrase)) ?? this.#meant(this.#words.get(phrase)) ??
      this.#meant(this.#other.get(phrase)) ?? this.#mood(phrase, written) ??
      this.#first([...singulars, ...englishPlurals(phrase)], (form) => this.#named(form)) ??
      this.#first(singulars, (form) => this.#meant(this.#words.get(form)) ?? this.#mood(form, written)) ??
      this.#first(others, (form) => this.#meant(this.#other.get(form))) ??
      this.#accented(written) ??
      this.#first([phrase, ...singulars], (form) => this.#spacedOtherwise(form));
  }

  /** The words of the longest name that leads to anything. */
  get longest() {
    const maps = [this.#concepts, this.#words, this.#other, this.#moods];
    const shown = [...this.#shown.keys(), ...this.#styleNames.keys()];
    const names = [...maps.flatMap(({ keys }) => keys), ...shown];
    return names.reduce((most, name) => Math.max(most, name.split(/[ ']/).length), 1);
  }

  /** A word that is no concept: {text, kind: "word" or "unknown"}. */
  plainWord(written) {
    const isWord = (word) => COMMON.has(word) || this.#known.has(word) || /^\d+$/.test(word);
    const known = isWord(written) ? written : englishSingulars(fold(written)).find(isWord);
    return known ? { text: known, kind: "word" } : { text: written, kind: "unknown" };
  }

  /** Words like this one: the concept that it begins, what it may mean, or those spelled nearly so. */
  near(written) {
    const word = fold(written);
    const begun = this.completed(word);
    const others = this.#spelledLike(word).filter((other) => other !== begun);
    return [...(begun ? [begun] : []), ...others].slice(0, MAX_NEAR);
  }

  #spelledLike(word) {
    const vague = [word, ...englishSingulars(word)].map((form) => this.#vague.get(form)).find(Boolean);
    if (vague) return [vague];
    const known = closest(word, [...this.#known]);
    if (known.length || word.length < MIN_NEAR_TABLE) return known;
    const single = ({ keys }) => keys.filter((key) => !key.includes(" "));
    return closest(word, [...single(this.#words), ...single(this.#other)], true)
      .map((key) => this.#words.written(key) ?? this.#other.written(key));
  }

  /** The concept that a half-typed word most likely becomes. */
  completed(beginning) {
    if (beginning.length < MIN_COMPLETED) return undefined;
    const shortest = (words) => words.entries.filter(([key]) => key.startsWith(beginning))
      .reduce((best, entry) => (best[0]?.length <= entry[0].length ? best : entry), []);
    const [name, concept] = shortest(this.#concepts);
    if (name || beginning.length < MIN_COMPLETED_TABLE) return concept;
    for (const words of [this.#words, this.#other]) {
      const [, meaning] = shortest(words);
      if (meaning) return this.#colors.has(meaning) ? undefined : meaning;
    }
    return undefined;
  }

  /** Concepts whose name begins with these letters, those of English words that do, those whose name
   * has them anywhere, and those of words of other languages. */
  containing(letters) {
    const signs = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/.test(letters);
    const sought = katakana(letters);
    const holds = ([key]) =>
      (signs ? katakana(key).includes(sought) : ` ${key}`.includes(` ${letters}`));
    const names = this.#concepts.entries.filter(([key]) => key.includes(letters));
    const begin = names.filter(([key]) => key.startsWith(letters))
      .sort(([a], [b]) => a.length - b.length);
    const words = this.#words.entries.filter(([key]) => key.startsWith(letters));
    const found = [...begin, ...words, ...names, ...this.#other.entries.filter(holds)];
    const whole = englishSingulars(letters).filter((form) => this.#known.has(form));
    return [...found.map(([, concept]) => concept), ...whole.flatMap((form) => this.containing(form))]
      .filter((concept) => this.#concepts.has(fold(concept)));
  }

  #first(forms, find) {
    for (const form of forms) {
      const piece = find(form);
      if (piece) return piece;
    }
    return null;
  }

  #named(phrase) {
    if (this.#colors.has(phrase)) return { text: this.#colors.get(phrase), kind: "color" };
    const text = this.#concepts.get(phrase);
    return text ? { text, kind: "concept", own: text } : null;
  }

  /** What a word is a form of that counts with its accents only. */
  #accented(written) {
    const forms = written.includes(" ") ? [] : otherSingulars(written, written);
    return this.#first(forms, (form) => this.#meant(this.#written.get(form)));
  }

  #styleNamed(phrase) {
    const text = this.style(phrase);
    return text ? { text, kind: "style" } : null;
  }

  #spacedOtherwise(phrase) {
    const name = this.#concepts.spacedOtherwise(phrase);
    if (name) return this.#named(fold(name));
    return this.#meant(this.#words.spacedOtherwise(phrase) ?? this.#other.spacedOtherwise(phrase));
  }

  /** A concept or color that another word stands for. */
  #meant(text) {
    if (text === undefined) return null;
    if (this.#colors.has(text)) return { text, kind: "color", foreign: true };
    return this.#concepts.has(fold(text)) ?
      { text, kind: "concept", own: text, translated: true } : null;
  }

  #mood(phrase, written) {
    const text = this.#moods.get(phrase);
    if (!text) return null;
    const general = this.#moods.get(lastWord(text)) === text;  // "face", of "smiling face"
    return { text, kind: "mood", own: text, written, translated: true, general };
  }

  /** Words that the model was taught are no plurals of other languages. */
  #isEnglish(phrase) {
    return phrase.split(" ").every((word) => this.#known.has(word) || COMMON.has(word));
  }
}
