// A prompt as words, commas and the marks of emphasis, "(red:1.5)" and "[red]", by the rules of the
// engine's src/tokenizer/prompt_syntax.cpp: only brackets that have a partner are marks.
const TOKEN = /\\+[()[\]]|[()[\]]|[,，、､]|[\p{L}\p{N}][\p{L}\p{M}\p{N}'’-]*/gu;
const WEIGHT = /:\s*[+-]?(?:\d+\.?\d*|\.\d+)\s*$/;
const PARTNERS = { ")": "(", "]": "[" };
// What French and Italian write as one word with the noun that follows.
const ELISION = /^((?:l|d|un|dell|nell|sull|all|dall|qu)['’])(\p{L}{2}.*)$/u;

function rawTokens(text) {
  return [...text.matchAll(TOKEN)].filter(([token]) => !/^(?:\\\\)*\\[()[\]]$/.test(token))
    .map(({ 0: token, index }) => ({ text: token.replace(/^\\+/, ""), at: index + token.length - 1 }));
}

/** Gives kinds to the brackets that have a partner: "open" and "close", the latter with the weight. */
function pairBrackets(tokens, text) {
  const open = [];
  for (const token of tokens) {
    if ("([".includes(token.text)) open.push(token);
    const partner = PARTNERS[token.text];
    if (!partner || open.at(-1)?.text !== partner) continue;
    open.pop().kind = "open";
    token.kind = "close";
    const weight = text.slice(0, token.at).match(WEIGHT);
    if (!weight) continue;
    token.from = weight.index;  // square brackets take none
    if (token.text === ")") token.text = weight[0].replace(/\s/g, "") + token.text;
  }
}

/** "l'eau" as two words. */
function elided(word) { return word.match(ELISION)?.slice(1) ?? [word]; }

export function isElision(word) { return /^\p{L}+'$/u.test(word); }

/** Words as one phrase: what was elided stands with its noun again. */
export function phraseOf(words) {
  return words.reduce((phrase, word, i) =>
    phrase + (i && !isElision(words[i - 1]) ? " " : "") + word, "");
}

/** [{text, kind: "word", "comma", "open" or "close"}]; of "l'eau" two words, "l'" and "eau". */
export function tokensOf(written) {
  const text = written.normalize("NFC");
  const tokens = rawTokens(text);
  pairBrackets(tokens, text);
  const isWeight = (token) => tokens.some(({ from, at }) => token.at > from && token.at < at);
  return tokens.filter((token) => !("()[]".includes(token.text) && !token.kind) && !isWeight(token))
    .flatMap(({ text: token, kind }) => {
      if (kind) return [{ text: token, kind }];
      if (/^[,，、､]$/.test(token)) return [{ text: ",", kind: "comma" }];
      const words = elided(token.toLowerCase().replaceAll("’", "'"));
      return words.map((word) => ({ text: word, kind: "word" }));
    });
}

/** Tokens as text again: brackets stand at their words, and those around nothing are left out. */
export function textOf(pieces) {
  let text = pieces.map((piece) => piece.text).filter(Boolean).join(" ").replace(/\s*, /g, ", ");
  text = text.replace(/([([]) /g, "$1").replace(/ ((?::[\d.+-]+)?[)\]])/g, "$1");
  for (let before = ""; before !== text;) {
    before = text;
    text = text.replace(/\((?::[\d.+-]+)?\)|\[\]/g, "").replace(/^[\s,]+|[\s,]+$/g, "")
      .replace(/\s+/g, " ").replace(/(?: ?,)+ ?/g, ", ");
  }
  return text;
}
