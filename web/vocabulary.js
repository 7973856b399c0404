// What a prompt means to a model that knows a limited list of words. Synonyms, plurals, emoji and
// words of other languages become the model's own; of a part with unknown words only what is known
// remains, because unknown words spoil the image. A model without a list takes every prompt as it is.
import { spellOutEmoji } from "./emoji_words.js";
import { WordTable, lastWord } from "./word_table.js";
import { splitUnspaced } from "./unspaced_words.js";
import { isElision, phraseOf, textOf, tokensOf } from "./prompt_tokens.js";
import { fold } from "./word_forms.js";

// Articles and prepositions of other languages: they carry nothing.
const IGNORED = new Set(("der die das dem den des ein eine einen einem einer el la los las un una unos " +
  "unas le les du lo gli i il uno o os as um uma auf de del della di da von im dans en sur une")
  .split(" "));
const IN_ENGLISH = new Map(Object.entries({
  und: "and", et: "and", y: "and", mit: "with", avec: "with", con: "with" }));
const FRAMING = /^(?:photo|photograph|picture|image|drawing|painting|sketch|illustration|icon|emoji|foto|bild|zeichnung|imagen|dibujo|dessin) (?:of|von|de|di|d'|del)$/;
const JOINING = new Set(["and", "with", "in", "on"]);
const ARTICLES = /^(?:(?:a|an|the|some|my) )+/;
const NOTHING = { text: "", kind: "word" };

export class Vocabulary {
  #table = new WordTable();
  #emoji = new Map();
  complete = false;  // until the words are known, an unknown one may be of another language
  #longest = 1;  // words of the longest phrase that is looked for

  /** Takes the lists of /api/settings, and what the page shows for them. */
  load(lists) {
    this.complete = false;
    this.#table.loadLists(lists);
    this.#longest = this.#table.longest;
  }

  /** Takes the answer of /api/words. */
  loadWords({ emoji = {}, ...words }) {
    this.complete = true;
    this.#emoji = new Map(Object.entries(emoji));
    this.#table.loadWords(words);
    this.#longest = this.#table.longest;
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
    if (parts.length < 2 || !begun || this.#table.style(begun)) return [];
    return this.#table.stylesBeginning(begun);
  }

  /** The style that a part of a prompt names, in any language; of a later part half a name will do. */
  styleOf(part, later) {
    const words = tokensOf(part).filter(({ kind }) => kind === "word").map(({ text }) => text);
    const phrase = phraseOf(words);
    return (later ? this.#style(phrase, false) : this.#table.style(fold(phrase))) ?? undefined;
  }

  /** The concepts that a search finds, in any language: the best first. */
  search(query) {
    if (!query.trim()) return [];
    const meant = this.#pieces(tokensOf(spellOutEmoji(query, this.#emoji).text), true)
      .filter(({ kind }) => kind === "concept").map(({ own }) => own);
    return [...new Set([...meant, ...this.#table.containing(fold(query))])];
  }

  /**
   * {text: what to send, unknown: words, subject: whether it names anything but styles, begun: whether
   * a name stands for its beginning}. While the last word is still being typed (`typing`), it stands
   * for the best name that begins with it, and is not called unknown.
   */
  understand(prompt, typing = false) {
    if (this.empty) return { text: prompt, unknown: [], subject: true, begun: false };
    const { text, unknown } = spellOutEmoji(prompt, this.#emoji);
    const parts = this.#partsOf(tokensOf(text));
    const unfinished = typing && /[\p{L}\p{N}]$/u.test(prompt);
    const read = parts.map((part, i) =>
      this.#readPart(part, { later: i > 0, unfinished: unfinished && i === parts.length - 1 }));
    return {
      text: textOf(read.flatMap(({ pieces }, i) => (i ? [{ text: "," }, ...pieces] : pieces))),
      unknown: [...new Set([...unknown, ...read.flatMap((part) => part.unknown)])],
      subject: read.some(({ pieces }) =>
        pieces.some(({ kind, text: word }) => word && ["concept", "color", "word"].includes(kind))),
      begun: read.some(({ begun }) => begun),
    };
  }

  /** The tokens between commas; a style that is shown with a comma ("Comic, flach") is one part. */
  #partsOf(tokens) {
    const parts = [[]];
    for (const token of tokens) {
      if (token.kind === "comma") parts.push([]);
      else parts.at(-1).push(token);
    }
    const joined = [];
    while (parts.length) {
      let count = parts.length;
      while (count > 1 && !this.#isStyle(parts.slice(0, count).flat())) count -= 1;
      joined.push(parts.splice(0, count).flat());
    }
    return joined;
  }

  #isStyle(tokens) {
    const words = tokens.map(({ text }) => text);
    return tokens.every(({ kind }) => kind === "word") &&
      this.#table.style(fold(phraseOf(words))) !== undefined;
  }

  #readPart(tokens, { later, unfinished }) {
    const words = tokens.filter(({ kind }) => kind === "word").map(({ text }) => text);
    const style = later && words.length === tokens.length && this.#style(phraseOf(words), unfinished);
    if (style) {
      const begun = this.#style(phraseOf(words), false) !== style;
      return { pieces: [{ text: style, kind: "style" }], unknown: [], begun };
    }
    const pieces = this.#pieces(tokens, unfinished);
    const unknown = pieces.filter(({ kind }) => kind === "unknown").map(({ text }) => text);
    const begun = pieces.some((piece) => piece.begun);
    return { pieces: unknown.length ? this.#knownOnly(pieces) : this.#all(pieces), unknown, begun };
  }

  /** The style that a part is the beginning of: by its whole words, or by any letters at its end. */
  #style(part, unfinished) {
    const begun = fold(part);
    if (this.#table.concept(begun) || !begun) return null;
    if (this.#table.style(begun)) return this.#table.style(begun);
    const half = this.#table.stylesBeginning(begun, !this.#table.kind(begun))[0];
    const whole = this.#table.stylesBeginning(`${begun} `, !this.#table.kind(begun))[0];
    return whole ?? (half && (unfinished || begun.includes(" ")) ? half : null);
  }

  /** The tokens as the longest phrases that are known: {text, kind}. */
  #pieces(tokens, unfinished) {
    const left = [...tokens];
    const pieces = [];
    while (left.length) {
      const [piece, count] = this.#nextPiece(left);
      // In other languages a color may follow: it belongs to the concept before it.
      const follows = piece.foreign && pieces.at(-1)?.kind === "concept";
      pieces.splice(follows ? -1 : pieces.length, 0, piece);
      left.splice(0, count);
    }
    const last = pieces.at(-1);
    if (unfinished && last?.kind === "unknown") Object.assign(last, this.#completed(last.text));
    this.#settleMoods(pieces);
    this.#settleColors(pieces);
    return pieces;
  }

  /** [the piece that the tokens begin with, how many of them it is]; may split the first into words. */
  #nextPiece(tokens) {
    if (tokens[0].kind !== "word") return [tokens[0], 1];
    const found = this.#longestPhrase(tokens);
    if (found) return found;
    const [{ text: word }] = tokens;
    const parts = splitUnspaced(word, (part) => this.#table.kind(part));
    if (parts.length !== 1 || parts[0] !== word) {
      tokens.splice(0, 1, ...parts.map((text) => ({ text, kind: "word" })));
      return this.#nextPiece(tokens);
    }
    if (IN_ENGLISH.has(word)) return [{ text: IN_ENGLISH.get(word), kind: "word" }, 1];
    return [this.#table.plainWord(word), 1];
  }

  /** [piece, count] of the longest phrase that is known, or null. */
  #longestPhrase(tokens) {
    const end = tokens.findIndex(({ kind }) => kind !== "word");
    const words = tokens.slice(0, end < 0 ? undefined : end).map(({ text }) => text);
    for (let count = Math.min(this.#longest, words.length); count > 0; count -= 1) {
      const phrase = phraseOf(words.slice(0, count));
      const isEmpty = count === 1 && (IGNORED.has(phrase) || isElision(phrase));
      if (FRAMING.test(phrase) || isEmpty) return [{ ...NOTHING }, count];
      const piece = this.#table.find(phrase);
      if (piece) return [piece, count];
    }
    return null;
  }

  /** A mood counts where nothing else is named: "happy" is a face, "happy face", too, "happy cat" a
   * cat. */
  #settleMoods(pieces) {
    const named = pieces.some(({ kind }) => kind === "concept");
    const moods = pieces.filter(({ kind }) => kind === "mood");
    const isSaid = (mood) => moods.some(({ text, general }) =>
      mood.general && !general && lastWord(text) === lastWord(mood.text));
    const meant = moods.map((mood) => {
      const word = this.#table.plainWord(mood.written);
      if (!named) return isSaid(mood) ? NOTHING : { kind: "concept" };
      return mood.general && word.kind === "unknown" ? NOTHING : word;
    });
    moods.forEach((mood, i) => Object.assign(mood, meant[i]));
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
    return concept ? { text: concept, own: concept, kind: "concept", begun: true } : NOTHING;
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
