// Spellings of a word that mean the same: without accents, in the singular or plural, in the scripts
// of Japanese. Lists of words are compared by them.
const IRREGULAR = new Map(Object.entries({
  mice: "mouse", geese: "goose", teeth: "tooth", feet: "foot", children: "child", people: "person",
  oxen: "ox", lice: "louse", dice: "die",
}));
// [ending, what stands for it], the surer first.
const ENGLISH = [["ies", "y"], ["ves", "f"], ["ves", "fe"], ["men", "man"], ["i", "us"], ["s", ""]];
const ENGLISH_PLURALS = [["y", "ies"], ["", "s"], ["", "es"]];
const OTHERS = [["s", ""], ["es", ""], ["aux", "al"], ["x", ""], ["ces", "z"], ["oes", "ao"],
  ["n", ""], ["en", ""], ["e", ""], ["i", "o"], ["i", "e"], ["e", "a"]];
const DIMINUTIVES = [["ito", "o"], ["ita", "a"], ["itos", "o"], ["itas", "a"], ["inho", "o"],
  ["inha", "a"], ["inhos", "o"], ["inhas", "a"], ["chen", ""], ["chen", "e"], ["lein", ""]];
const SPELLED_UMLAUT = [["ae", "a"], ["oe", "o"], ["ue", "u"]];
const MIN_STEM = 3;  // letters: shorter ones mean anything
const MIN_SPELLED_UMLAUT = 5;  // letters of a word with "ae" for "ä"

/** Lower case, without accents, hyphens and middle dots as spaces; full width as half width. */
export function fold(text) {
  if (/^[a-z ]*$/.test(text)) return text.trim();
  return text.normalize("NFKC").toLowerCase().replaceAll("ß", "ss").replaceAll("’", "'")
    .normalize("NFD").replace(/[\u0300-\u036f]/g, "").normalize("NFC")
    .replace(/[\s\u30fb-]+/g, " ").trim();
}

/** Hiragana as katakana. */
export function katakana(text) {
  return text.replace(/[\u3041-\u3096]/g, (kana) => String.fromCharCode(kana.charCodeAt(0) + 0x60));
}

function changed(word, endings, minStem) {
  return endings
    .filter(([from]) => word.endsWith(from) && word.length - from.length >= minStem)
    .map(([from, to]) => word.slice(0, word.length - from.length) + to);
}

/** The last word of a phrase in other forms. */
function formsOfLast(phrase, formsOf) {
  const start = phrase.lastIndexOf(" ") + 1;
  return formsOf(phrase.slice(start)).map((form) => phrase.slice(0, start) + form);
}

/** Singulars that an English word may have, but not itself; "cat face" for "cat's face". */
export function englishSingulars(phrase) {
  const inner = phrase.replace(/'?s(?= )/g, "");
  const forms = formsOfLast(phrase, (word) => [
    ...(IRREGULAR.has(word) ? [IRREGULAR.get(word)] : []),
    ...(word.endsWith("'s") ? [word.slice(0, -2)] : []),
    ...(/(?:ss|us|is|'s)$/.test(word) ? [] : changed(word, ENGLISH, MIN_STEM)),
    ...(/(?:[sxzo]|[cs]h)es$/.test(word) ? [word.slice(0, -2)] : []),
  ]);
  return inner === phrase ? forms : [...forms, inner];
}

export function englishPlurals(phrase) {
  return formsOfLast(phrase, (word) => changed(word, ENGLISH_PLURALS, MIN_STEM));
}

/** Singulars that a word of another language may have, `written` with its accents, and what a
 * diminutive is made of. */
export function otherSingulars(phrase, written) {
  const umlautPlural = /[äöü].*er$/.test(written) ? [phrase.slice(0, -2)] : [];
  const umlaut = phrase.length < MIN_SPELLED_UMLAUT ? [] :
    SPELLED_UMLAUT.filter(([from]) => phrase.includes(from))
      .map(([from, to]) => phrase.replace(from, to));
  const every = phrase.includes(" ") ? [phrase.replace(/[sx](?= |$)/g, "")] : [];
  return [...umlautPlural, ...changed(phrase, OTHERS, MIN_STEM + 1), ...umlaut, ...every,
    ...changed(phrase, DIMINUTIVES, MIN_STEM)];
}
