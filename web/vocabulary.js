// What a prompt means to a model that knows a limited list of words. Synonyms, plurals, emoji and
// words of other languages become the model's own; of a part with unknown words only what is known
// remains, because unknown words spoil the image. A model without a list takes every prompt as it is.
import { spellOutEmoji } from "./emoji_words.js";
import { WordTable } from "./word_table.js";
import { splitUnspaced } from "./unspaced_words.js";
import { textOf, tokensOf } from "./prompt_tokens.js";
import { fold } from "./word_forms.js";

// Articles and prepositions of other languages: they carry nothing.
const IGNORED = new Set(("der die das dem den des ein eine einen einem einer el la los las un una unos " +
  "unas le les l d du lo gli i il uno o os as um uma auf de del della di da von im dans en sur une")
  .split(" "));
const IN_ENGLISH = new Map(Object.entries({
  und: "and", et: "and", y: "and", mit: "with", avec: "with", con: "with" }));
const FRAMING = /^(?:photo|photograph|picture|image|drawing|painting|sketch|illustration|icon|emoji|foto|bild|zeichnung|imagen|dibujo|dessin) (?:of|von|de|di|d'|del)$/;
const JOINING = new Set(["and", "with", "in", "on"]);
const ARTICLES = /^(?:(?:a|an|the|some|my) )+/;
const MAX_PHRASE = 7;  // words of the longest concept that is looked for
const NOTHING = { text: "", kind: "word" };

export class Vocabulary {
  #table = new WordTable();
  #emoji = new Map();

  /** Takes the lists of /api/settings. */
  load(lists) { this.#table.loadLists(lists); }

  /** Takes the answer of /api/words. */
  loadWords({ emoji = {}, ...words }) {
    this.#emoji = new Map(Object.entries(emoji));
    this.#table.loadWords(words);
  }

  get empty() { return this.#table.empty; }

  /** [emoji, concept] of all concepts that have an emoji. */
  get emoji() { return [...this.#emoji]; }

  /** Known words like this one: what it may mean, or those that are spelled nearly so. */
  near(word) { return this.#table.near(word); }

  /** The styles that the last part of a prompt may become; it is not the first. */
  begunStyles(prompt) {
    const parts = prompt.split(",");
    const begun = fold(parts.at(-1));
    const styles = this.#table.styles;
    if (parts.length < 2 || !begun || styles.includes(begun)) return [];
    return styles.filter((style) => style.startsWith(begun));
  }

  /** The concepts that a search finds, in any language: the best first. */
  search(query) {
    if (!query.trim()) return [];
    const meant = this.#pieces(tokensOf(spellOutEmoji(query, this.#emoji).text), true)
      .filter(({ kind }) => kind === "concept").map(({ own }) => own);
    return [...new Set([...meant, ...this.#table.containing(fold(query))])];
  }

  /**
   * {text: what to send, unknown: words, subject: whether it names anything but styles}. While the
   * last word is still being typed (`typing`), it stands for the best concept that begins with it,
   * and is not called unknown.
   */
  understand(prompt, typing = false) {
    if (this.empty) return { text: prompt, unknown: [], subject: true };
    const { text, unknown } = spellOutEmoji(prompt, this.#emoji);
    const parts = [[]];
    for (const token of tokensOf(text)) {
      if (token.kind === "comma") parts.push([]);
      else parts.at(-1).push(token);
    }
    const unfinished = typing && /[\p{L}\p{N}]$/u.test(prompt);
    const read = parts.map((part, i) =>
      this.#readPart(part, { later: i > 0, unfinished: unfinished && i === parts.length - 1 }));
    return {
      text: textOf(read.flatMap(({ pieces }, i) => (i ? [{ text: "," }, ...pieces] : pieces))),
      unknown: [...new Set([...unknown, ...read.flatMap((part) => part.unknown)])],
      subject: read.some(({ pieces }) =>
        pieces.some(({ kind, text: word }) => word && ["concept", "color", "word"].includes(kind))),
    };
  }

  #readPart(tokens, { later, unfinished }) {
    const words = tokens.filter(({ kind }) => kind === "word").map(({ text }) => text);
    const style = later && words.length === tokens.length && this.#style(words.join(" "), unfinished);
    if (style) return { pieces: [{ text: style, kind: "style" }], unknown: [] };
    const pieces = this.#pieces(tokens, unfinished);
    const unknown = pieces.filter(({ kind }) => kind === "unknown").map(({ text }) => text);
    return { pieces: unknown.length ? this.#knownOnly(pieces) : this.#all(pieces), unknown };
  }

  /** The style that a part is the beginning of: by its whole words, or by any letters at its end. */
  #style(part, unfinished) {
    const styles = this.#table.styles;
    const begun = fold(part);
    if (this.#table.concept(begun) || styles.includes(begun) || !begun) return null;
    const whole = styles.find((style) => style.startsWith(`${begun} `));
    const half = styles.find((style) => style.startsWith(begun));
    return whole ?? (half && (unfinished || begun.includes(" ")) ? half : null);
  }

  /** The tokens as the longest phrases that are known: {text, kind}. */
  #pieces(tokens, unfinished) {
    const split = tokens.flatMap((token) => (token.kind === "word"
      ? splitUnspaced(token.text, (word) => this.#table.kind(word))
        .map((text) => ({ text, kind: "word" })) : [token]));
    const pieces = [];
    for (let i = 0; i < split.length;) {
      const [piece, count] = split[i].kind === "word" ? this.#longestPhrase(split, i) : [split[i], 1];
      // In other languages a color may follow: it belongs to the concept before it.
      const follows = piece.foreign && pieces.at(-1)?.kind === "concept";
      pieces.splice(follows ? -1 : pieces.length, 0, piece);
      i += count;
    }
    const last = pieces.at(-1);
    if (unfinished && last?.kind === "unknown") Object.assign(last, this.#completed(last.text));
    this.#settleMoods(pieces);
    this.#settleColors(pieces);
    return pieces;
  }

  #longestPhrase(tokens, start) {
    const end = tokens.findIndex(({ kind }, i) => i > start && kind !== "word");
    const words = tokens.slice(start, end < 0 ? undefined : end).map(({ text }) => text);
    for (let count = Math.min(MAX_PHRASE, words.length); count > 0; count -= 1) {
      const phrase = words.slice(0, count).join(" ");
      if (FRAMING.test(phrase) || (count === 1 && IGNORED.has(phrase))) return [{ ...NOTHING }, count];
      const piece = this.#table.find(phrase);
      if (piece) return [piece, count];
    }
    const [word] = words;
    if (IN_ENGLISH.has(word)) return [{ text: IN_ENGLISH.get(word), kind: "word" }, 1];
    return [this.#table.plainWord(word), 1];
  }

  /** A mood counts where nothing else is named: "happy" is a face, "happy cat" a cat. */
  #settleMoods(pieces) {
    const named = pieces.some(({ kind }) => kind === "concept");
    for (const piece of pieces.filter(({ kind }) => kind === "mood")) {
      Object.assign(piece, named ? this.#table.plainWord(piece.written) : { kind: "concept" });
    }
  }

  /** "Green apple": where the word for a thing stands for a red one, the named color counts. */
  #settleColors(pieces) {
    const kept = pieces.filter(({ kind, text }) => !["open", "close"].includes(kind) && text);
    kept.forEach((piece, i) => {
      const [, color, rest] = piece.text.match(/^(\S+) (.+)$/) ?? [];
      const isOwn = !piece.translated || this.#table.kind(color ?? "") !== "color";
      if (piece.kind === "concept" && !isOwn && kept[i - 1]?.kind === "color") piece.text = rest;
    });
  }

  #completed(beginning) {
    const concept = this.#table.completed(fold(beginning));
    return concept ? { text: concept, own: concept, kind: "concept" } : NOTHING;
  }

  /** All pieces; a style that stands among the words follows them. */
  #all(pieces) {
    const marked = pieces.some(({ kind }) => ["open", "close"].includes(kind));
    const styles = pieces.filter(({ kind }) => kind === "style");
    if (marked) return pieces;
    const rest = pieces.filter(({ kind }) => kind !== "style");
    const text = textOf(rest).replace(ARTICLES, "").replace(/^(?:a|an|the|in|of|on|with|and)$/, "");
    const words = { text, kind: rest.some(({ kind }) => kind === "concept") ? "concept" : "word" };
    if (!styles.length) return [words];
    words.text = text.replace(/(?:^|\s)(?:a|an|the|in|of|with|as)$/, "").replace(/^(?:of|a|an|the|\s)+ /, "");
    return [...(words.text ? [words, { text: "," }] : []), ...styles];
  }

  /** The concepts with their colors, the words that join them, and the marks of emphasis. */
  #knownOnly(pieces) {
    const kept = [];
    let joining = "", waiting = [], concepts = 0;
    const styles = pieces.filter(({ kind }) => kind === "style");
    for (const piece of pieces) {
      if (piece.kind === "close") (waiting.length ? waiting : kept).push(piece);
      if (piece.kind === "open" || piece.kind === "color") waiting.push(piece);
      if (piece.kind === "word" && JOINING.has(piece.text) && concepts) joining = piece.text;
      if (piece.kind !== "concept") continue;
      if (concepts) kept.push({ text: joining || "and", kind: "word" });
      kept.push(...waiting, piece);
      [joining, waiting, concepts] = ["", [], concepts + 1];
    }
    kept.push(...waiting.filter(({ kind }) => kind !== "color"));
    return styles.length && concepts ? [...kept, { text: "," }, ...styles] : [...kept, ...styles];
  }
}
