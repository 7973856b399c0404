// What a prompt means to a model that knows a limited list of words. Synonyms, plurals, emoji and
// words of other languages become the model's own; of a part with unknown words only what is known
// remains, because unknown words spoil the image. A model without a list takes every prompt as it is.
const COMMON = new Set(("a an and at background big by for from her his in its large left little my " +
  "of on one or over right side small some the three to two under up very with without your")
  .split(" "));
// Articles of other languages: they carry nothing.
const IGNORED = new Set(("der die das dem den des ein eine einen einem einer el la los las un una unos " +
  "unas le les l' une du lo gli i il uno o os as um uma auf und mit").split(" "));
const JOINING = new Set(["and", "with", "in", "on"]);
const ARTICLES = /^(?:a|an|the|some|my) /;
const MAX_PHRASE = 7;  // words of the longest concept that is looked for
const MAX_NEAR = 3;
const EMOJI = /\p{Extended_Pictographic}(?:\u200d\p{Extended_Pictographic}|\p{EMod}|\ufe0f)*/gu;
const UNSPACED = /[\u3040-\u30ff\u3400-\u9fff]/;  // scripts without spaces between words

function wordsOf(text) {
  return text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}'’-]*/gu) ?? [];
}

/** The number of insertions, deletions and replacements between two words, or `most` + 1. */
function editDistance(a, b, most) {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let k = 1; k <= b.length; k += 1) {
      next.push(Math.min(row[k] + 1, next[k - 1] + 1, row[k - 1] + (a[i - 1] !== b[k - 1])));
    }
    row = next;
  }
  return row[b.length];
}

export class Vocabulary {
  #concepts = new Set();
  #styles = new Set();
  #colors = new Set();
  #known = new Set();  // every single word of concepts, styles and colors
  #synonyms = new Map();
  #emoji = new Map();

  /** Takes the lists of /api/settings. */
  load({ concepts = [], styles = [], colors = [] }) {
    this.#concepts = new Set(concepts);
    this.#styles = new Set(styles);
    this.#colors = new Set(colors);
    this.#known = new Set([...concepts, ...styles, ...colors].flatMap(wordsOf));
  }

  /** Takes the answer of /api/words. */
  loadWords({ emoji = {}, words = {} }) {
    this.#emoji = new Map(Object.entries(emoji));
    this.#synonyms = new Map(Object.entries(words));
  }

  get empty() { return this.#concepts.size === 0; }

  /** [emoji, concept] of all concepts that have an emoji. */
  get emoji() { return [...this.#emoji]; }

  /**
   * {text: what to send, unknown: words}. While the last word is still being typed (`typing`), it
   * stands for the best concept that begins with it, and is not called unknown.
   */
  understand(prompt, typing = false) {
    if (this.empty) return { text: prompt, unknown: [] };
    const spelled = this.#spellOutEmoji(prompt);
    const parts = spelled.split(",").map((part) => part.trim()).filter(Boolean);
    const unfinished = typing && !/[\s,]$/.test(prompt);
    const read = parts.map((part, i) => this.#readPart(part, unfinished && i === parts.length - 1));
    return {
      text: read.map(({ text }) => text).filter(Boolean).join(", "),
      unknown: [...new Set(read.flatMap(({ unknown }) => unknown))],
    };
  }

  /** Known words that are spelled nearly like this one, the nearest first. */
  near(word) {
    const isShort = word.length <= 4;  // nearly every short word is one letter from another
    const most = isShort ? 1 : word.length <= 7 ? 2 : 3;
    const ranked = [...this.#known]
      .filter((known) => !COMMON.has(known) && (!isShort || known.length === word.length))
      .map((known) => [editDistance(word, known, most), known])
      .filter(([distance]) => distance <= most);
    ranked.sort((a, b) => a[0] - b[0] || a[1].length - b[1].length);
    return ranked.slice(0, MAX_NEAR).map(([, known]) => known);
  }

  #spellOutEmoji(prompt) {
    return prompt.replace(EMOJI, (symbol) => {
      const concept = this.#emoji.get(symbol.replaceAll("\ufe0f", ""));
      return concept ? ` ${concept} ` : symbol;
    }).replace(/\s+/g, " ");
  }

  #readPart(part, unfinished) {
    const lower = part.toLowerCase();
    if (this.#styles.has(lower)) return { text: lower, unknown: [] };
    const words = wordsOf(part).flatMap((word) => this.#splitUnspaced(word));
    const pieces = this.#pieces(words);
    const last = pieces.at(-1);
    if (unfinished && last?.kind === "unknown") Object.assign(last, this.#completed(last.text));
    const unknown = pieces.filter(({ kind }) => kind === "unknown").map(({ text }) => text);
    const plain = pieces.every(({ kind }) => kind !== "unknown");
    return { text: plain ? this.#joined(pieces) : this.#knownOnly(pieces), unknown };
  }

  /** The words as the longest phrases that are known: {text, kind}. */
  #pieces(words) {
    const pieces = [];
    for (let i = 0; i < words.length;) {
      const [piece, count] = this.#longestPhrase(words, i);
      // In other languages a color may follow: it belongs to the concept before it.
      const follows = piece.foreign && pieces.at(-1)?.kind === "concept";
      pieces.splice(follows ? -1 : pieces.length, 0, piece);
      i += count;
    }
    return pieces;
  }

  #longestPhrase(words, start) {
    for (let count = Math.min(MAX_PHRASE, words.length - start); count > 0; count -= 1) {
      const phrase = words.slice(start, start + count).join(" ");
      const text = this.#concept(phrase);
      if (text) return [{ text, kind: "concept" }, count];
      if (this.#colors.has(phrase)) return [{ text: phrase, kind: "color" }, count];
      const own = this.#translated(phrase);
      if (this.#colors.has(own)) return [{ text: own, kind: "color", foreign: true }, count];
      if (this.#concepts.has(own)) return [{ text: own, kind: "concept" }, count];
    }
    const word = words[start];
    if (IGNORED.has(word)) return [{ text: "", kind: "word" }, 1];
    const known = COMMON.has(word) || this.#known.has(word) || /^\d+$/.test(word);
    return [{ text: word, kind: known ? "word" : "unknown" }, 1];
  }

  /** The concept that a phrase is, or is the plural of; null for a color. */
  #concept(phrase) {
    if (this.#colors.has(phrase)) return null;
    for (const form of [phrase, phrase.replace(/es$/, ""), phrase.replace(/s$/, "")]) {
      if (this.#concepts.has(form)) return form;
    }
    return null;
  }

  /** What the model calls a phrase that has a word it does not know; undefined if nothing. */
  #translated(phrase) {
    if (phrase.split(" ").every((word) => this.#known.has(word))) return undefined;
    return this.#synonyms.get(phrase) ?? this.#synonyms.get(phrase.replace(/s$/, ""));
  }

  /** Chinese and Japanese: the longest known words inside a run of characters. */
  #splitUnspaced(run) {
    if (!UNSPACED.test(run) || this.#synonyms.has(run)) return [run];
    const found = [];
    for (let i = 0; i < run.length;) {
      let length = run.length - i;
      while (length > 0 && !this.#synonyms.has(run.slice(i, i + length))) length -= 1;
      if (length) found.push(run.slice(i, i + length));
      i += Math.max(1, length);
    }
    return found.length ? found : [run];
  }

  #completed(beginning) {
    if (beginning.length < 2) return { text: "", kind: "word" };
    const fitting = [...this.#concepts].filter((concept) => concept.startsWith(beginning));
    fitting.sort((a, b) => a.length - b.length);
    return fitting.length ? { text: fitting[0], kind: "concept" } : { text: "", kind: "word" };
  }

  #joined(pieces) {
    return pieces.map(({ text }) => text).filter(Boolean).join(" ").replace(ARTICLES, "");
  }

  /** The concepts with their colors, and the words that join them. */
  #knownOnly(pieces) {
    const kept = [];
    let joining = "", color = "";
    for (const { text, kind } of pieces) {
      if (kind === "color") color = text;
      if (kind === "word" && JOINING.has(text) && kept.length) joining = text;
      if (kind !== "concept") continue;
      kept.push([kept.length ? joining || "and" : "", color, text].filter(Boolean).join(" "));
      joining = color = "";
    }
    return kept.join(" ");
  }
}
