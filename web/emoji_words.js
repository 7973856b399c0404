// Emoji as the concepts that they stand for. One with a skin tone or of several joined emoji that has
// no concept of its own stands for the emoji that it is made of.
const EMOJI = new RegExp("\\p{RI}\\p{RI}|[0-9#*]\\ufe0f?\\u20e3|\\p{Extended_Pictographic}" +
  "(?:\\p{EMod}|\\ufe0f|[\\u{e0020}-\\u{e007f}]|\\u200d\\p{Extended_Pictographic})*", "gu");
const TONES = /\p{EMod}/gu;
const PEOPLE = /^[\u{1f466}-\u{1f469}\u{1f9d1}\u{1f9d2}]$/u, CHILD = /^[\u{1f466}\u{1f467}\u{1f9d2}]$/u;
const FAMILY = "\u{1f46a}";

function conceptOf(symbol, table) {
  const bare = symbol.replaceAll("\ufe0f", "").replace(/[\u{e0020}-\u{e007f}]/gu, "");
  const plain = bare.replace(TONES, "");
  const parts = plain.split("\u200d");
  const isFamily = parts.length > 1 && parts.every((part) => PEOPLE.test(part)) &&
    parts.some((part) => CHILD.test(part));
  const forms = [bare, plain, ...(isFamily ? [FAMILY] : []), ...parts];
  return table.get(forms.find((form) => table.has(form)));
}

/** {text: with concepts for the emoji, unknown: those that have none}. `table`: emoji to concept. */
export function spellOutEmoji(prompt, table) {
  const unknown = [];
  const text = prompt.replace(EMOJI, (symbol) => {
    if (/^[©®™]/.test(symbol)) return symbol;
    const concept = conceptOf(symbol, table);
    if (!concept) unknown.push(symbol);
    return ` ${concept ?? ""} `;
  });
  return { text, unknown };
}
