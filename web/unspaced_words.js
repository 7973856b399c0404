// Chinese and Japanese text, which has no spaces, as the words that are known: the longest first. A
// single sign inside a longer word ("fire" and "star" of Mars) is no word.
import { fold } from "./word_forms.js";

export const UNSPACED = /[\u3040-\u30ff\u3400-\u9fff]/;
const HAN = /[\u3400-\u9fff]/, KANA = /[\u3040-\u30ff]/, KATAKANA = /[\u30a1-\u30ff]/;
// What joins words, counts things or sizes them. In kana only as hiragana, inside a run of signs.
const LINKS = ["一只", "一個", "一个", "一朵", "一条", "一匹", "一辆", "一棵", "一位", "一", "的", "在", "了", "小", "大",
  "の", "に", "を", "は", "が", "で", "も", "な"];
const AND = ["と", "和", "与"];
const MAX_SHORT_KANA = 2;

function linkAt(text, i) {
  const link = LINKS.find((word) => text.startsWith(word, i));
  if (link) return { text: link, kind: "link" };
  const and = AND.find((word) => text.startsWith(word, i));
  return and ? { text: and, kind: "and" } : null;
}

function wordAt(text, i, kindOf) {
  const link = linkAt(text, i);
  for (let end = text.length; end > i + (link?.text.length ?? 0); end -= 1) {
    const kind = kindOf(fold(text.slice(i, end)));
    if (kind) return { text: text.slice(i, end), kind };
  }
  return link;
}

function tokensOf(text, kindOf) {
  const tokens = [];
  for (let i = 0; i < text.length;) {
    const token = wordAt(text, i, kindOf) ?? { text: text[i], kind: "gap" };
    const last = tokens.at(-1);
    if (token.kind === "gap" && last?.kind === "gap") last.text += token.text;
    else tokens.push(token);
    i += token.text.length;
  }
  return tokens;
}

/** Whether a short word is likely to be a piece of a longer one that is not known. */
function isDoubtful(tokens, i) {
  const { text, kind } = tokens[i];
  if (kind !== "concept") return false;
  const before = tokens[i - 1], after = tokens[i + 1];
  const ends = [[before, before?.text.at(-1)], [after, after?.text[0]]];
  if (text.length === 1 && HAN.test(text)) {
    return ends.some(([token, sign]) => token && HAN.test(sign) && (token.kind === "gap" ||
      (token.kind === "concept" && token.text.length === 1)));
  }
  const isKana = text.length <= MAX_SHORT_KANA && [...text].every((sign) => KANA.test(sign));
  return ends.some(([token, sign]) => token?.kind === "gap" && isKana && KANA.test(sign)) ||
    ends.some(([token, sign], i) => token?.kind === "gap" && KATAKANA.test(sign) &&
      KATAKANA.test(text.at(-i)));
}

/** `kindOf(folded word)` is "concept", "color" or undefined. Without any concept or color: the run. */
export function splitUnspaced(run, kindOf) {
  if (!UNSPACED.test(run)) return [run];
  const text = run.normalize("NFKC");
  const tokens = tokensOf(text, kindOf);
  const kept = tokens.filter((token, i) => !isDoubtful(tokens, i))
    .filter(({ kind }) => kind !== "gap" && kind !== "link")
    .map(({ text: word, kind }) => (kind === "and" ? "and" : word));
  const known = tokens.some(({ kind }, i) => ["concept", "color"].includes(kind) && !isDoubtful(tokens, i));
  return known ? kept : [run];
}
