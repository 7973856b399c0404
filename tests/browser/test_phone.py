"""What phones say, in little room."""
from harness import PageTest
from page_texts import translations

# Whether all of the element is in sight, and its text is not cut.
IS_WHOLE = """
const e = document.querySelector(arguments[0]);
if (!e?.checkVisibility()) return false;
const { left, right, top, bottom } = e.getBoundingClientRect();
const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
return left >= 0 && right <= innerWidth && bottom <= innerHeight && e.contains(hit) &&
  e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight + 1;
"""
STATES = ("Connecting", "Waiting", "Reconnecting", "Asleep", "Paused", "Changing", "Live", "Ready",
          "Making an image…")


class Phone(PageTest):
    def test_it_says_what_is_drawn_while_it_invites(self):
        for size in ((390, 844), (320, 640), (667, 375)):
            with self.subTest(size):
                page = self.open("#prompt=a%20cute%20cyberpunk%20fox", size=size, phone=True)
                page.started()
                page.wait(lambda: page.run(IS_WHOLE, ".understood"), "what is drawn")
                self.assertEqual(page.find(".understood").text, "Drawing: fox")
                self.assertTrue(page.run(IS_WHOLE, ".understood + *, .unknown em"))
                page.screenshot(f"phone-drawing-{size[0]}")
                page.close()

    def test_the_invitation_makes_room_for_words(self):
        page = self.open(size=(390, 844), phone=True)
        page.started()
        self.assertTrue(page.find("#invite").is_displayed())
        page.click("#prompt")
        self.assertFalse(page.find("#invite").is_displayed())
        page.run("document.getElementById('prompt').blur()")
        self.assertTrue(page.find("#invite").is_displayed())
        page.prompt("red dragon")
        self.assertFalse(page.find("#invite").is_displayed())
        for name in ("things-open", "concepts"):
            self.assertTrue(page.find(f"#{name}").is_displayed(), name)

    def test_the_state_is_not_cut_in_any_language(self):
        table = translations()
        page = self.open(size=(360, 640), phone=True)
        page.started()
        page.click("#start-over")  # the invitation lies over the status bar
        for column, language in enumerate(table["languages"]):
            for state in STATES:
                text = table["texts"][state][column]
                show = "document.getElementById('state-text').textContent = arguments[1];"
                self.assertTrue(page.run(show + IS_WHOLE, "#state-text", text), f"{language}: {text}")

    def test_a_low_phone_shows_the_whole_invitation_in_german(self):
        page = self.open(size=(667, 375), phone=True, language="de")
        page.started()
        self.assertTrue(page.run(IS_WHOLE, "#invite-things"))
