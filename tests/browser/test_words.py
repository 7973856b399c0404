"""What a prompt means to the model: unknown words, synonyms, emoji, other languages, half a word."""
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
        page.wait(lambda: "dra" in page.find("#unknown").text, "word after a pause")

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
