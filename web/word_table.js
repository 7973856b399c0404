// The words that a model knows, with what leads to them: a concept's own name first, then the words
// of /api/words, then their plurals.
import { englishPlurals, englishSingulars, fold, otherSingulars } from "./word_forms.js";

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

function folded(entries) {
  const map = new Map();
  for (const [word, meaning] of Object.entries(entries)) {
    const key = fold(word);
    if (!map.has(key)) map.set(key, meaning);
  }
  return map;
}

/** Nearly every short word is one letter from another: a letter may be wrong, or one be missing. */
function mayBeShort(word, known) {
  return known.length === word.length || (known.length === word.length + 1 && known[0] === word[0]);
}

function closest(word, candidates) {
  const isShort = word.length <= 4;
  const most = isShort ? 1 : word.length <= 7 ? 2 : 3;
  const ranked = candidates
    .filter((known) => !COMMON.has(known) && known.length > 2 &&
      (isShort ? mayBeShort(word, known) : Math.abs(known.length - word.length) <= most))
    .map((known) => [editDistance(word, known, most), known])
    .filter(([distance]) => distance <= most);
  ranked.sort((a, b) => a[0] - b[0] || a[1].length - b[1].length);
  return ranked.slice(0, MAX_NEAR).map(([, known]) => known);
}

export class WordTable {
  styles = [];
  #concepts = new Map();  // folded name: concept
  #colors = new Map();
  #known = new Set();  // every single word of concepts, styles and colors
  #words = new Map();  // of English
  #other = new Map();  // of other languages
  #written = new Map();  // with accents, because they are English words without
  #moods = new Map();
  #vague = new Map();

  loadLists({ concepts = [], styles = [], colors = [] }) {
    this.#concepts = new Map(concepts.map((name) => [fold(name), name]));
    this.#colors = new Map(colors.map((name) => [fold(name), name]));
    this.styles = styles;
    this.#known = new Set([...concepts, ...styles, ...colors].flatMap(wordsOf));
  }

  loadWords({ words = {}, other = {}, written = {}, alone = {}, near = {} }) {
    this.#words = folded(words);
    this.#other = folded(other);
    this.#written = new Map(Object.entries(written));
    this.#moods = folded(alone);
    this.#vague = folded(near);
  }

  get empty() { return this.#concepts.size === 0; }

  concept(name) { return this.#concepts.get(name); }

  /** "concept" or "color" if a folded word leads to one. */
  kind(word) {
    if (this.#colors.has(word)) return "color";
    const meaning = this.#concepts.get(word) ?? this.#words.get(word) ?? this.#other.get(word);
    if (meaning === undefined) return this.#moods.has(word) ? "concept" : undefined;
    return this.#colors.has(meaning) ? "color" : "concept";
  }

  /** What a phrase as written leads to: {text, kind, own: the concept}, or null. */
  find(written) {
    const phrase = fold(written);
    if (COMMON.has(phrase)) return null;
    const singulars = englishSingulars(phrase);
    const others = this.#isEnglish(phrase) ? [] : otherSingulars(phrase, written);
    return this.#named(phrase) ?? this.#style(phrase) ?? this.#meant(this.#written.get(written)) ??
      this.#meant(this.#words.get(phrase)) ?? this.#meant(this.#other.get(phrase)) ??
      this.#mood(phrase, written) ??
      this.#first([...singulars, ...englishPlurals(phrase)], (form) => this.#named(form)) ??
      this.#first(singulars, (form) => this.#meant(this.#words.get(form)) ?? this.#mood(form, written)) ??
      this.#first(others, (form) => this.#meant(this.#other.get(form)));
  }

  /** A word that is no concept: {text, kind: "word" or "unknown"}. */
  plainWord(written) {
    const isWord = (word) => COMMON.has(word) || this.#known.has(word) || /^\d+$/.test(word);
    const known = isWord(written) ? written : englishSingulars(fold(written)).find(isWord);
    return known ? { text: known, kind: "word" } : { text: written, kind: "unknown" };
  }

  near(written) {
    const word = fold(written);
    const vague = [word, ...englishSingulars(word)].map((form) => this.#vague.get(form)).find(Boolean);
    if (vague) return [vague];
    const known = closest(word, [...this.#known]);
    if (known.length || word.length < MIN_NEAR_TABLE) return known;
    return closest(word, [...this.#words.keys(), ...this.#other.keys()].filter((key) => !key.includes(" ")));
  }

  /** The concept that a half-typed word most likely becomes. */
  completed(beginning) {
    if (beginning.length < MIN_COMPLETED) return undefined;
    const shortest = (keys) => keys.filter((key) => key.startsWith(beginning))
      .reduce((best, key) => (best && best.length <= key.length ? best : key), undefined);
    const name = shortest([...this.#concepts.keys()]);
    if (name || beginning.length < MIN_COMPLETED_TABLE) return this.#concepts.get(name);
    for (const words of [this.#words, this.#other]) {
      const meaning = words.get(shortest([...words.keys()]));
      if (meaning) return this.#colors.has(meaning) ? undefined : meaning;
    }
    return undefined;
  }

  /** Concepts whose name begins with these letters, those of English words that do, those whose name
   * has them anywhere, and those of words of other languages. */
  containing(letters) {
    const signs = /[\u30a0-\u30ff\u3400-\u9fff\uac00-\ud7af]/.test(letters);
    const holds = ([key]) => (signs ? key.includes(letters) : ` ${key}`.includes(` ${letters}`));
    const names = [...this.#concepts].filter(([key]) => key.includes(letters));
    const begin = names.filter(([key]) => key.startsWith(letters))
      .sort(([a], [b]) => a.length - b.length);
    const words = [...this.#words].filter(([key]) => key.startsWith(letters));
    const found = [...begin, ...words, ...names, ...[...this.#other].filter(holds)];
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

  #style(phrase) {
    const text = this.styles.find((style) => style === phrase);
    return text ? { text, kind: "style" } : null;
  }

  /** A concept or color that another word stands for. */
  #meant(text) {
    if (this.#colors.has(text)) return { text, kind: "color", foreign: true };
    return this.#concepts.has(fold(text ?? "")) ?
      { text, kind: "concept", own: text, translated: true } : null;
  }

  #mood(phrase, written) {
    const text = this.#moods.get(phrase);
    return text ? { text, kind: "mood", own: text, written, translated: true } : null;
  }

  /** Words that the model was taught are no plurals of other languages. */
  #isEnglish(phrase) {
    return phrase.split(" ").every((word) => this.#known.has(word) || COMMON.has(word));
  }
}
