"""The page in the visitor's language, and the table of its texts."""
import json
import re
import unittest
import urllib.request

import page_texts
from harness import PageTest

PROMPT = "return document.getElementById('prompt').value"
PLACEHOLDER = re.compile(r"\{\w+\}")

# Every text that can be seen or is said of a control, without what is marked as English.
SHOWN_TEXTS = """
const english = (e) => e.closest('[lang="en"]') !== null;
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const { data, parentElement } = walker.currentNode;
  if (english(parentElement) || parentElement.closest('.underlay')) continue;
  for (const line of data.split('\\n')) if (line.trim()) found.push(line.trim());
}
for (const name of arguments[0]) {
  for (const e of document.querySelectorAll(`[${name}]`)) {
    if (e.getAttribute(name) && !english(e)) found.push(e.getAttribute(name));
  }
}
return found;
"""

# Controls that reach over the edge of the settings, as long words may push them.
OUTSIDE = """
const panel = document.getElementById('settings-panel').getBoundingClientRect();
const controls = document.querySelectorAll('#settings-panel :is(button, input, select, label)');
return [...controls].filter((e) => e.checkVisibility()).filter((e) => {
  const { left, right, bottom } = e.getBoundingClientRect();
  const head = e.closest('.settings-head')?.getBoundingClientRect();
  return left < panel.left || right > panel.right || bottom > (head?.bottom ?? Infinity);
}).map((e) => e.id || e.textContent);
"""


class Table(unittest.TestCase):
    def test_every_text_of_the_page_has_a_row_and_no_row_is_unused(self):
        self.assertEqual(page_texts.extract(), set(page_texts.translations()["texts"]))

    def test_no_script_has_a_text_beside_the_table(self):
        self.assertEqual(page_texts.strays(), [])

    def test_every_language_has_every_text_with_its_placeholders(self):
        table = page_texts.translations()
        for english, row in [*table["texts"].items(), *table["parameters"].items()]:
            with self.subTest(english):
                self.assertEqual(len(row), len(table["languages"]))
                for text in row:
                    self.assertTrue(text.strip())
                    self.assertEqual(sorted(PLACEHOLDER.findall(text)),
                                     sorted(PLACEHOLDER.findall(english)))


    def test_japanese_and_chinese_have_signs_of_full_width(self):
        table = page_texts.translations()
        half = re.compile(r"[\u3040-\u9fff）][:;,(]|[:;,)][\u3040-\u9fff（]")
        for english, row in [*table["texts"].items(), *table["parameters"].items()]:
            for language in ("ja", "zh"):
                text = row[table["languages"].index(language)]
                self.assertIsNone(half.search(text), text)


class Language(PageTest):
    def rows(self) -> dict:
        table = page_texts.translations()
        return table["parameters"] | table["texts"]

    def test_every_text_of_the_servers_parameters_has_a_row_and_no_row_is_unused(self):
        with urllib.request.urlopen(self.server.address + "api/settings", timeout=10) as answer:
            schemas = json.load(answer)["input_params"]["properties"]
        table = page_texts.translations()
        self.assertEqual(page_texts.texts_of_parameters(schemas) - set(table["texts"]),
                         set(table["parameters"]))

    def untranslated(self, page, column: int) -> list[str]:
        """The texts of the page that are English although the table has another word for them."""
        table = {english for english, row in self.rows().items() if row[column] != english}
        return [text for text in page.run(SHOWN_TEXTS, page_texts.ATTRIBUTES) if text in table]

    def unknown(self, page, column: int) -> list[str]:
        """The texts of the page that are neither in the table nor the same in every language."""
        language = page_texts.translations()["languages"][column]
        of_model = page.run("return fetch('api/settings').then((a) => a.json())")["page"]["translations"]
        texts = [row[column] for row in self.rows().values()] + [*of_model[language].values()]
        patterns = [re.escape(text) for text in texts]
        patterns = [re.sub(r"\\\{\w+\\\}", ".+", pattern) for pattern in patterns]
        # Figures and units, keys, the prompt, and what the server says of itself.
        patterns += [r"[\d.,:%²×– ]*(fps|ms|s)?", "GIF", "StreamDiffusion.*", "pictogram .*",
                     r"[A-Z⇧\[\]/?←↵]+", re.escape(page.run(PROMPT)),
                     "(Modell|Gerät|Schritte bei|Seed) .*"]
        known = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
        return [text for text in page.run(SHOWN_TEXTS, page_texts.ATTRIBUTES)
                if not known.fullmatch(text)]

    def test_the_page_speaks_the_browsers_language(self):
        for column, (language, word) in enumerate((
                ("de-AT", "Zeichnen"), ("fr", "Dessin"), ("es-MX", "Dibujar"), ("ja", "描く"),
                ("zh-CN", "绘画"))):
            with self.subTest(language):
                page = self.open(language=language)
                page.started()
                self.assertEqual(page.find("[data-source='draw']").text, word)
                self.assertEqual(page.run("return document.documentElement.lang"), language[:2])
                page.open_settings()
                self.assertEqual(self.untranslated(page, column), [])
                if column == 0:
                    page.settle()
                    self.assertEqual(self.unknown(page, column), [])
                wide = "return document.documentElement.scrollWidth - innerWidth"
                self.assertLessEqual(page.run(wide), 0)
                self.assertEqual(page.run(OUTSIDE), [])
                page.screenshot(f"language-{language}")
                self.assertEqual(page.console_problems(), [])
                page.close()  # the server holds few sessions

    def test_what_the_model_offers_is_shown_in_it_and_sent_as_the_model_knows_it(self):
        page = self.open(language="de")
        page.started()
        page.click("#concepts [data-word='red apple']")
        page.wait(lambda: self.sent_prompt().startswith("red apple"), "words of the model")
        shown = [chip.text for chip in page.find_all("#concepts .chip, #styles .chip")]
        self.assertIn("roter Apfel", shown)
        pressed = page.find("#concepts [data-word='red apple']").get_attribute("aria-pressed")
        self.assertEqual(pressed, "true")
        page.click("[data-source='camera']")
        page.wait(lambda: "Fotos" in page.find("#in-hint").text, "note of the camera")
        page.press("?")
        self.assertIn("Leertaste", page.find("#help-list").text)
        page.press("\ue00c")
        page.click("#things-open")
        page.find("#things-search").send_keys("pilz")
        self.assertTrue(page.find(".thing:not([hidden])").is_displayed())
        self.assertEqual(page.find(".thing:not([hidden]) span").text, "Pilz")

    def test_other_languages_and_traditional_chinese_get_english(self):
        for language in ("sv", "zh-TW"):
            page = self.open(language=language)
            page.started()
            self.assertEqual(page.find("[data-source='draw']").text, "Draw")
