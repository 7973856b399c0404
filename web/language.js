// The page's texts in the visitor's language. languages/*.json hold them by their English words, so
// that English needs no file, and a text that is missing there is shown in English.
const LANGUAGES = ["de", "fr", "es", "ja", "zh"];
const TRADITIONAL = /^zh-(?:hant|tw|hk|mo)/i;  // another script than that of zh.json
const ATTRIBUTES = ["aria-label", "data-tip", "title", "placeholder", "alt"];
let table = {};

/** The first of the browser's languages that the page has; English if there is none. */
function wantedLanguage() {
  for (const tag of navigator.languages ?? []) {
    const [language] = tag.toLowerCase().split("-");
    if (language === "en") break;
    if (LANGUAGES.includes(language) && !TRADITIONAL.test(tag)) return language;
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
  const language = wantedLanguage();
  if (language === "en") return;
  try {
    const answer = await fetch(`languages/${language}.json`);
    if (!answer.ok) return;
    table = await answer.json();
  } catch {
    return;  // the page works in English
  }
  document.documentElement.lang = language;
  translateDocument();
}
