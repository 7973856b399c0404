"""What phones and low windows say and offer, in little room."""
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
# The controls that are not in sight or lie under others. Those of lists that are moved do not count.
HIDDEN_CONTROLS = """
const controls = document.querySelectorAll(
  '.top button, .rail :is(button, input), #prompt, #strength, #settings-open, .status .stat');
return [...controls].filter((e) => {
  if (!e.checkVisibility()) return false;
  const { left, right, top, bottom } = e.getBoundingClientRect();
  const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  const isHit = e.contains(hit) || (hit?.matches('label') && hit.contains(e));
  return !isHit || left < 0 || top < 0 || right > innerWidth || bottom > innerHeight;
}).map((e) => e.id || e.getAttribute('aria-label') || e.textContent.trim());
"""
# Both, so that a page that is too large is seen although nothing but a script moves it.
SCROLLED = "scrollTo(50, 50); return [scrollX, scrollY]"
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

    def test_a_button_brings_the_prompt_before_back(self):
        for size in ((390, 844), (320, 640)):
            with self.subTest(size):
                page = self.open(size=size, phone=True)
                page.started()
                prompt = lambda: page.find("#prompt").get_attribute("value")
                own = prompt()
                self.assertTrue(page.is_hidden("prompt-undo"), "there is none yet")
                page.prompt("fox")
                page.wait(lambda: page.run(IS_WHOLE, "#prompt-undo"), "the button")
                page.screenshot(f"phone-prompt-undo-{size[0]}")
                page.click("#prompt-undo")
                self.assertEqual(prompt(), own)
                self.assertTrue(page.is_hidden("prompt-undo"), "there is no other")
                page.close()

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

    def test_no_control_of_a_low_phone_is_hidden_and_nothing_scrolls(self):
        for size in ((844, 390), (667, 375), (568, 320)):
            with self.subTest(size):
                page = self.open(size=size, phone=True)
                page.started()
                self.assertEqual(page.run(HIDDEN_CONTROLS), [])
                self.assertEqual(page.run(SCROLLED), [0, 0])
                for name in ("#stat-fps", "#state-text"):
                    self.assertTrue(page.run(IS_WHOLE, name), name)
                page.screenshot(f"low-phone-{size[0]}")
                page.close()

    def test_the_last_images_of_a_low_phone_hide_no_control(self):
        page = self.open(size=(844, 390), phone=True)
        self.show_last_images(page)
        self.assertEqual(page.run(HIDDEN_CONTROLS), [])
        command = page.driver.execute_cdp_cmd
        command("Emulation.setDeviceMetricsOverride",
                {"width": 568, "height": 320, "deviceScaleFactor": 1, "mobile": True})
        page.display_frames(3)
        self.assertEqual(page.run(SCROLLED), [0, 0])
        self.assertLessEqual(set(page.run(HIDDEN_CONTROLS)), {"size", "opacity"})
        page.run("document.getElementById('opacity').scrollIntoView()")
        self.assertTrue(set(page.run(HIDDEN_CONTROLS)).isdisjoint({"size", "opacity"}))

    def show_last_images(self, page) -> None:
        page.started()
        page.prompt("lion")
        page.settle()
        page.click("#history-open")
        page.wait(lambda: page.find("#history").is_displayed(), "last images")

    def test_no_control_of_a_low_window_is_hidden(self):
        for size in ((1024, 560), (1024, 600), (1366, 640), (1366, 700)):
            page = self.open(size=size)
            page.started()
            with self.subTest(size):
                self.assertEqual(page.run(HIDDEN_CONTROLS), [])
            self.show_last_images(page)
            with self.subTest(size, history=True):
                self.assertEqual(page.run(HIDDEN_CONTROLS), [])
                rail, prompt = (page.find(name).rect for name in ("#tools", ".prompt-pane"))
                self.assertGreaterEqual(rail["y"], page.find(".top").rect["height"])
                self.assertLessEqual(rail["y"] + rail["height"], prompt["y"])
            page.screenshot(f"low-window-{size[0]}-{size[1]}")
            page.close()

    def test_what_is_drawn_is_said_in_small_windows(self):
        for width, language, beside_settings in ((1024, "de-DE", False), (1024, "de-DE", True), (900, "en-US", True)):
            with self.subTest(width, language=language, settings=beside_settings):
                page = self.open("#prompt=a%20cute%20cyberpunk%20fox", size=(width, 700), language=language)
                page.wait(lambda: page.shown > 0, "first image")
                if beside_settings:
                    page.open_settings()
                page.wait(lambda: page.run(IS_WHOLE, ".understood"), "what is drawn")
                page.screenshot(f"small-window-{width}-{language}")
                page.close()

    def test_words_have_room_beside_the_settings(self):
        page = self.open(size=(800, 600))
        page.started()
        page.prompt("blorb fox")
        page.open_settings()
        self.assertGreater(page.run("return document.getElementById('prompt').clientWidth"), 120)
        page.run("document.getElementById('things-open').scrollIntoView()")
        self.assertTrue(page.run(IS_WHOLE, "#things-open"), "a row that can be moved")
        page.screenshot("low-window-settings")
