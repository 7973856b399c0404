"""What a prompt means to the model: unknown words, synonyms, emoji, other languages, half a word."""
import pathlib

from selenium.webdriver.common.keys import Keys

from harness import PageTest


# Keeps every prompt that the page sends: half a word draws only until it counts as finished.
RECORD_SETTINGS = """
window.sent = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (typeof data === 'string') window.sent.push(JSON.parse(data).params?.prompt);
  return send.call(this, data);
};
"""

# Words of other languages come late; the visitor types as soon as there is a field, and what the page
# says of the words is kept.
LATE_WORDS = """
const ask = window.fetch;
window.fetch = async (...asked) => {
  if (String(asked[0]).includes('api/words')) await new Promise((go) => setTimeout(go, 3000));
  return ask(...asked);
};
window.said = [];
let isTyped = false;
const look = () => {
  const field = document.getElementById('prompt'), line = document.getElementById('unknown');
  if (line) window.said.push(line.textContent);
  if (field && !isTyped) {
    isTyped = true;
    field.value = '%s';
    field.focus();
    field.dispatchEvent(new Event('input'));
  }
  setTimeout(look, 4);
};
look();
"""

# The page's own lookup, with the model's lists.
LOOKUP = """
const [argument, done] = arguments;
(async () => {
  const [{ Vocabulary }, settings, words] = await Promise.all([import('/vocabulary.js'),
    fetch('/api/settings').then((answer) => answer.json()),
    fetch('/api/words').then((answer) => answer.json())]);
  const vocabulary = new Vocabulary();
  vocabulary.load(settings);
  vocabulary.loadWords(words);
  %s
})();
"""
# What it makes of a list of prompts: [what is drawn, unknown words, near words].
LOOK_UP = LOOKUP % """
  done(argument.map((prompt) => {
    const typing = prompt.endsWith('~');
    const { text, unknown, subject } = vocabulary.understand(typing ? prompt.slice(0, -1) : prompt, typing);
    return [subject ? text : '-', unknown, unknown.flatMap((word) => vocabulary.near(word))];
  }));
"""
# What it makes something else of than the lists say: [what is written, meant, drawn, unknown].
MISUNDERSTOOD = """
  const pairsOf = (words, settings) => { %s };
  done(pairsOf(words, settings).map(([written, meant]) => {
    const { text, unknown } = vocabulary.understand(written);
    return [written, meant, text, unknown];
  }).filter(([, meant, text, unknown]) => text !== meant || unknown.length));
"""
ALL_ENTRIES = """
return ['words', 'other', 'written', 'alone', 'emoji'].flatMap((name) => Object.entries(words[name]));
"""
ALL_SHOWN_NAMES = """
const { concepts, styles, page } = settings;
const shown = Object.values(page.translations).flatMap(Object.entries);
return [...concepts, ...styles].flatMap((name) => [[name, name],
  ...shown.filter(([own]) => own === name).map(([, text]) => [text, name])])
  .flatMap(([text, name]) => (styles.includes(name) ? [[`cat, ${text}`, `cat, ${name}`]]
    : [[text, name], [text.toUpperCase(), name], [`${text}, 3d render`, `${name}, 3d render`]]));
"""
TABLE = pathlib.Path(__file__).with_name("words.tsv")
MIN_ROWS = 400


def table_rows():
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


class Words(PageTest):
    def typed(self, page, text, *keys):
        """Types, and returns what the page says of the words at once, before any pause."""
        field = page.find("#prompt")
        field.send_keys(Keys.CONTROL, "a")
        said = page.run("const field = document.getElementById('prompt'); field.value = arguments[0];"
                        "field.dispatchEvent(new Event('input'));"
                        "return document.getElementById('unknown').textContent", text)
        field.send_keys(*keys)
        return said

    def test_unknown_words_are_left_out_and_all_are_named(self):
        page = self.open()
        page.started()
        page.prompt("a cute cyberpunk fox in the rain, studio ghibli")
        page.wait(lambda: self.sent_prompt() == "fox", "prompt without unknown words")
        line = page.find("#unknown").text
        for part in ("cute", "cyberpunk", "ghibli", "Drawing: fox"):
            self.assertIn(part, line)
        page.screenshot("unknown-words")
        self.assertEqual(page.console_problems(), [])

    def test_nobody_is_scolded_while_typing_and_half_a_word_draws(self):
        page = self.open()
        page.started()
        page.run(RECORD_SETTINGS)
        self.assertEqual(self.typed(page, "dra"), "")
        page.wait(lambda: "dragon" in page.run("return window.sent"), "the concept that begins so")
        page.wait(lambda: page.find("#unknown").text == "Drawing: dragon", "what a pause leaves")
        page.find("#prompt").send_keys(Keys.ENTER)
        page.wait(lambda: "dra" in page.find("#unknown").text, "word that is finished")
        self.assertEqual(page.texts("#unknown .chip")[0], "dragon")

    def test_a_pause_ends_a_word_that_none_begins_with(self):
        page = self.open()
        page.started()
        self.assertEqual(self.typed(page, "cat and xyzzy"), "")
        page.wait(lambda: "xyzzy" in page.find("#unknown").text, "word after a pause")

    def test_synonyms_plurals_emoji_and_other_languages_lead_to_the_concept(self):
        page = self.open()
        page.started()
        for text, meant in (("kittens", "cat"), ("puppy, flat cartoon", "dog face, flat cartoon"),
                            ("\U0001F431", "cat face"), ("gato naranja", "orange cat"),
                            ("eine rote Katze", "red cat"), ("le chat noir", "black cat"),
                            ("\u624b\u63cf\u304d\u732b", "cat"),
                            ("forest", "evergreen tree")):
            with self.subTest(text):
                self.typed(page, text, Keys.ENTER)
                page.wait(lambda: self.sent_prompt() == meant, f"{text} as {meant}")
                page.wait(lambda: f"Drawing: {meant}" in page.find("#unknown").text, "what is drawn")
                self.assertEqual(page.find_all("#prompt-underlay mark"), [])

    def test_a_word_of_several_languages_means_what_it_does_in_the_page_s(self):
        for language, meanings in (("en-US", {"boot": "hiking boot", "Boote": "sailboat", "pommes": "red apple"}),
                                   ("de-DE", {"Boot": "sailboat", "Boote": "sailboat", "Pommes": "french fries",
                                              "hut": "hut"}),
                                   ("fr-FR", {"pommes": "red apple"})):
            page = self.open(language=language)
            page.started()
            for text, meant in meanings.items():
                with self.subTest(language=language, text=text):
                    self.typed(page, text, Keys.ENTER)
                    page.wait(lambda: self.sent_prompt() == meant, f"{text} as {meant}")
            page.close()

    def test_what_is_typed_before_the_page_is_ready_counts_and_is_not_scolded(self):
        page = self.open_with(LATE_WORDS % "Katze", motion=True)
        page.wait(lambda: page.find("#unknown").text == "Drawing: cat", "what is drawn")
        self.assertEqual(page.find("#prompt").get_property("value"), "Katze")
        self.assertEqual(self.sent_prompt(), "cat")
        self.assertFalse([line for line in page.run("return window.said") if "Unknown" in line])

    def test_enter_that_ends_a_composed_word_does_not_leave_the_field(self):
        page = self.open()
        page.started()
        field = page.find("#prompt")
        field.send_keys(Keys.CONTROL, "a")
        enter = ("document.getElementById('prompt').dispatchEvent(new KeyboardEvent('keydown', "
                 "{ key: 'Enter', isComposing: arguments[0], bubbles: true }));"
                 "return document.activeElement.id")
        self.assertEqual(page.run(enter, True), "prompt")
        self.assertNotEqual(page.run(enter, False), "prompt")

    def test_a_style_in_another_language_is_replaced_by_a_chip(self):
        page = self.open(language="de-DE")
        page.started()
        for text, style in (("Katze, Comic, flach", "flat cartoon"), ("Katze, comic", "shaded cartoon")):
            with self.subTest(text):
                self.typed(page, text, Keys.ENTER)
                pressed = lambda: page.run("return [...document.querySelectorAll('#styles [aria-pressed=true]')]"
                                           ".map((chip) => chip.dataset.word)")
                page.wait(lambda: pressed() == [style], "its chip")
                page.run("document.querySelector('#styles [data-word=\"3d render\"]').click()")
                self.assertEqual(page.find("#prompt").get_property("value"), "Katze, 3d render")
                self.assertEqual(pressed(), ["3d render"])

    def test_every_word_of_the_table_leads_where_it_says(self):
        rows = table_rows()
        self.assertGreaterEqual(len(rows), MIN_ROWS)
        self.assertEqual(len({prompt for prompt, _ in rows}), len(rows), "a prompt stands twice")
        found = self.looked_up([prompt for prompt, _ in rows])
        wrong = [f"{prompt}: {drawn}, expected {expected}"
                 for (prompt, expected), (drawn, _, _) in zip(rows, found) if drawn != expected]
        self.assertEqual(wrong, [])
        for (prompt, expected), (_, unknown, _) in zip(rows, found):
            self.assertTrue(expected != "-" or unknown, f"{prompt} is dropped without a word")

    def test_a_doubtful_word_is_unknown_and_what_it_may_mean_is_offered(self):
        found = self.looked_up(["jockey", "aple", "\u706b\u661f", "x"])
        self.assertEqual([near for _, _, near in found], [["horse racing"], ["apple"], [], []])

    def test_suggestions_have_their_accents(self):
        found = self.looked_up(["Schl\u00fcsel", "Kirbis", "\u00e9curueil"])
        self.assertEqual([near[0] for _, _, near in found],
                         ["schl\u00fcssel", "k\u00fcrbis", "\u00e9cureuil"])

    def misunderstood(self, pairs):
        page = self.open()
        return page.driver.execute_async_script(LOOKUP % (MISUNDERSTOOD % pairs), None)

    def test_every_entry_of_the_models_words_is_found_by_its_own_name(self):
        articles = [["die", "game die", "", []], ["de", "game die", "", []]]  # of other languages
        self.assertEqual([row for row in self.misunderstood(ALL_ENTRIES) if row not in articles], [])

    def test_every_name_that_the_page_shows_is_understood(self):
        self.assertEqual(self.misunderstood(ALL_SHOWN_NAMES), [])

    def looked_up(self, prompts):
        page = self.open()
        return page.driver.execute_async_script(LOOK_UP, prompts)

    def test_half_a_style_is_the_style_and_its_chip_completes_it(self):
        page = self.open()
        page.started()
        page.run(RECORD_SETTINGS)
        field = page.find("#prompt")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys("dragon, flat")
        page.wait(lambda: "dragon, flat cartoon" in page.run("return window.sent"), "the style")
        self.assertFalse([prompt for prompt in page.run("return window.sent") if "flamingo" in (prompt or "")])
        chips = page.texts("#concepts .chip")
        self.assertEqual(chips, ["flat cartoon", "flat avatar"])
        page.run("document.querySelector('#concepts .chip').click()")
        self.assertEqual(field.get_property("value"), "dragon, flat cartoon")
        self.assertEqual(page.find("#unknown").text, "")

    def test_emphasis_reaches_the_model(self):
        page = self.open()
        page.started()
        self.typed(page, "(rote:1.5) Katze, flat cartoon", Keys.ENTER)
        page.wait(lambda: self.sent_prompt() == "(red:1.5) cat, flat cartoon", "emphasized words")

    def test_an_empty_prompt_is_said_in_the_pages_own_words(self):
        page = self.open()
        page.started()
        self.assertEqual(self.typed(page, ""), "", "nobody is scolded before a pause")
        page.find("#prompt").send_keys(Keys.ENTER)
        page.wait(lambda: self.sent_prompt() == "", "no prompt")
        page.wait(lambda: page.find("#unknown").text == "Drawing: only what is in the input", "what is drawn")

    def test_without_a_known_word_the_last_known_prompt_stays(self):
        page = self.open()
        page.started()
        self.typed(page, "manzanas, 3d render", Keys.ENTER)
        page.wait(lambda: self.sent_prompt() == "red apple, 3d render", "known words")
        for text in ("xyzzy", "\U0001F1E9\U0001F1EA", "xyzzy, flat cartoon"):
            with self.subTest(text):
                self.typed(page, text, Keys.ENTER)
                page.wait(lambda: "Still drawing: red apple, 3d render" in page.find("#unknown").text,
                          "what is drawn")
                self.assertIn(text.split(",")[0], page.find("#unknown").text)
                self.assertEqual(self.sent_prompt(), "red apple, 3d render")

    def test_unknown_words_of_a_link_and_after_a_reload_draw_the_usual_prompt(self):
        page = self.open("#prompt=qwrtzup")
        for _ in range(2):
            page.started()
            page.wait(lambda: "Still drawing: red apple, 3d render" in page.find("#unknown").text,
                      "what is drawn")
            self.assertEqual(self.sent_prompt(), "red apple, 3d render")
            page.driver.refresh()

    def set_field(self, page, name, text):
        page.find(f"#setting-{name}").send_keys(Keys.CONTROL, "a")
        page.find(f"#setting-{name}").send_keys(text, Keys.TAB)

    def note(self, page, name):
        return page.run("return document.getElementById(arguments[0]).closest('.field')"
                        ".querySelector('.field-words').textContent", f"setting-{name}")

    def sent_list(self):
        return [prompt for prompt, _ in self.session()["params"]["prompt_list"]]

    def test_each_of_two_prompts_keeps_its_own_last_known_words(self):
        page = self.open()
        page.started()
        self.typed(page, "cat, flat cartoon", Keys.ENTER)
        page.open_settings()
        self.set_field(page, "prompt2", "Hund, flat cartoon")
        page.wait(lambda: self.sent_list() == ["cat, flat cartoon", "dog, flat cartoon"], "two prompts")
        self.assertEqual(self.note(page, "prompt2"), "Understood: dog, flat cartoon")
        self.typed(page, "qwrtzup", Keys.ENTER)
        page.wait(lambda: "Still drawing: cat, flat cartoon" in page.find("#unknown").text,
                  "the first's")
        self.typed(page, "fox", Keys.ENTER)
        self.set_field(page, "prompt2", "flurbelgnarf")
        page.wait(lambda: self.note(page, "prompt2") ==
                  "Unknown: flurbelgnarf \u00b7 Still drawing: dog, flat cartoon", "the second's")
        page.wait(lambda: self.sent_list() == ["fox", "dog, flat cartoon"], "each with its own")

    def test_a_second_prompt_without_a_known_word_is_none(self):
        page = self.open()
        page.started()
        self.typed(page, "cat", Keys.ENTER)
        page.open_settings()
        self.set_field(page, "prompt2", "flurbelgnarf")
        page.wait(lambda: self.note(page, "prompt2") == "Unknown: flurbelgnarf", "what is unknown")
        page.wait(lambda: self.sent_list() == ["cat"], "the first prompt alone")

    def test_of_the_negative_prompt_only_known_words_are_sent(self):
        page = self.open()
        page.started()
        page.open_settings()
        sent = lambda: self.session()["params"]["negative_prompt"]
        self.set_field(page, "negative_prompt", "rote Katze, blurbfish")
        page.wait(lambda: sent() == "red cat", "known words")
        self.assertEqual(self.note(page, "negative_prompt"),
                         "Unknown: blurbfish \u00b7 Understood: red cat")
        self.set_field(page, "negative_prompt", "blurbfish")
        page.wait(lambda: sent() == "", "none of an unknown word")
        self.set_field(page, "negative_prompt", "dog")
        page.wait(lambda: sent() == "dog", "a known word")
        self.assertEqual(self.note(page, "negative_prompt"), "")
        self.assertEqual(page.console_problems(), [])

    def test_the_grid_is_searched_in_all_languages(self):
        page = self.open()
        page.started()
        page.run("document.getElementById('things-open').click()")
        for query, first in (("apples", "red apple"), ("fleur", "blossom"), ("\u308a\u3093\u3054", "red apple"),
                             ("\u82f9\u679c", "red apple"), ("\u00c4pfel", "red apple"), ("\U0001F431", "cat face")):
            with self.subTest(query):
                page.run("const field = document.getElementById('things-search'); field.value = arguments[0];"
                         "field.dispatchEvent(new Event('input'));", query)
                shown = page.texts("#things-grid button:not([hidden]) > span:last-child")
                self.assertEqual(shown[0], first)
                self.assertLess(len(shown), 20)
