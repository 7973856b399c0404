// The page's texts in the visitor's language. translations.json holds them by their English words, a row
// for each text and a column for each language: `texts` of the page, and `parameters`, what the server
// says of its parameters. English needs no table, and a text that is missing there is shown in English.
const TRADITIONAL = /^zh-(?:hant|tw|hk|mo)/i;  // another script than the table's Chinese
const ATTRIBUTES = ["aria-label", "data-tip", "data-drop-text", "title", "placeholder", "alt"];
const table = {};

/** Which of the languages the browser asks for first; English if it asks for that or none of them. */
function wantedLanguage(languages) {
  for (const tag of navigator.languages ?? []) {
    const [language] = tag.toLowerCase().split("-");
    if (language === "en") break;
    if (languages.includes(language) && !TRADITIONAL.test(tag)) return language;
  }
  return "en";
}

/** The text in the visitor's language; each {name} in it is replaced by the value of that name. */
export function t(text, values = {}) {
  return (table[text] ?? text).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

function translateText(node) {
  const text = node.data.replace(/\s+/g, " ").trim();
  if (text in table) node.data = node.data.replace(node.data.trim(), () => table[text]);
}

/** Translates what is written in the document itself. */
function translateDocument() {
  document.title = t(document.title);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) translateText(walker.currentNode);
  for (const name of ATTRIBUTES) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      element.setAttribute(name, t(element.getAttribute(name).replace(/\s+/g, " ")));
    }
  }
}

/** Reads the texts of the visitor's language and puts them into the document. */
export async function loadLanguage() {
  if (navigator.language.startsWith("en")) return;
  try {
    const answer = await fetch("translations.json");
    if (!answer.ok) return;
    const { languages, texts, parameters } = await answer.json();
    const language = wantedLanguage(languages), column = languages.indexOf(language);
    if (column < 0) return;
    for (const [english, row] of Object.entries({ ...parameters, ...texts })) {
      table[english] = row[column];
    }
    document.documentElement.lang = language;
    translateDocument();
  } catch { /* the page works in English */ }
}
