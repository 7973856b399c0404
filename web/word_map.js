// Words of any language, each with what it means, found without accents. As it is written counts most;
// in the other script of Japanese, or with other spaces ("sun flower"), a word is found where only one
// fits: "タコ" is an octopus and "たこ" a kite.
import { fold, katakana } from "./word_forms.js";

const KANA = /[\u3041-\u30ff]/;
const MIN_COMPACT = 6;  // letters of a word that may be written in two: shorter ones fit by chance

/** {key: meaning}, by another form of the keys; null where keys of one form differ in meaning. */
function byForm(meanings, formOf) {
  const map = new Map();
  for (const [key, meaning] of meanings) {
    const form = formOf(key);
    map.set(form, map.has(form) && map.get(form) !== meaning ? null : meaning);
  }
  return map;
}

export class WordMap {
  #meanings = new Map();  // by folded word
  #written = new Map();  // a folded word with its accents
  #kana = new Map();
  #compact = new Map();

  /** `entries`: {word: meaning}. */
  constructor(entries = {}) {
    for (const [word, meaning] of Object.entries(entries)) {
      const key = fold(word);
      if (this.#meanings.has(key)) continue;
      this.#meanings.set(key, meaning);
      this.#written.set(key, word);
    }
    this.#kana = byForm([...this.#meanings].filter(([key]) => KANA.test(key)), katakana);
    this.#compact = byForm(this.#meanings, (key) => key.replaceAll(" ", ""));
  }

  get size() { return this.#meanings.size; }

  /** [folded word, meaning] of all. */
  get entries() { return [...this.#meanings]; }

  get keys() { return [...this.#meanings.keys()]; }

  /** The meaning of a folded word. */
  get(word) {
    const meaning = this.#meanings.get(word);
    return meaning === undefined && KANA.test(word) ?
      this.#kana.get(katakana(word)) ?? undefined : meaning;
  }

  has(word) { return this.get(word) !== undefined; }

  /** That of a folded word that is written in one here, and with spaces there, or the other way. */
  spacedOtherwise(word) {
    const compact = word.replaceAll(" ", "");
    return compact.length < MIN_COMPACT ? undefined : this.#compact.get(compact) ?? undefined;
  }

  /** A folded word with its accents. */
  written(key) { return this.#written.get(key); }
}
