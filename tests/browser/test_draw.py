"""Drawing: the starter doodle, the hand, the tools, what is sent and what is not."""
import time

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from harness import PageTest, difference


class Draw(PageTest):
    def test_opens_without_a_complaint_and_draws_by_itself(self):
        page = self.open()
        blank = page.run("return performance.now()")
        page.wait(lambda: difference(page.look("paper"), [255] * 192) > 5, "the doodle's first stroke", 5)
        self.assertLess(blank, 10000)
        page.wait(lambda: page.shown > 0, "the first picture", 15)
        page.started()
        picture = page.settle()
        self.assertGreater(max(picture) - min(picture), 30, "the picture is not flat")
        page.shoot("desktop-light")
        self.assertEqual(page.complaints(), [])

    def test_nothing_is_loaded_from_elsewhere_and_no_policy_is_broken(self):
        page = self.open()
        page.started()
        names = page.run("return performance.getEntriesByType('resource').map((e) => e.name)")
        self.assertGreater(len(names), 10)
        self.assertEqual([n for n in names if not n.startswith((self.server.address, "blob:", "data:"))], [])
        self.assertEqual(page.run("return document.querySelectorAll('[style], script:not([src])').length - "
                                  "[...document.querySelectorAll('[style]')].length"), 0)
        self.assertEqual(page.complaints(), [])

    def test_a_stroke_changes_the_picture_and_undo_brings_it_back(self):
        page = self.open()
        page.started()
        page.click("#begin-new")
        page.wait(lambda: difference(page.look("paper"), [255] * 192) == 0, "a clean paper")
        before = page.settle()
        page.click(".swatch[data-color='#3264d7']")
        page.run("const s = document.getElementById('size'); s.value = 60; s.dispatchEvent(new Event('input'))")
        page.stroke((0.2, 0.3), (0.8, 0.35), (0.2, 0.5), (0.8, 0.6), (0.3, 0.75))
        drawn = page.look("paper")
        self.assert_differ(drawn, [255] * 192)
        after = page.settle()
        self.assert_differ(before, after, 4)
        page.shoot("stroke")
        ActionChains(page.driver).send_keys("z").perform()
        self.assertEqual(difference(page.look("paper"), [255] * 192), 0)
        self.assertLess(difference(page.settle(), before), difference(after, before))
        ActionChains(page.driver).key_down(Keys.SHIFT).send_keys("Z").key_up(Keys.SHIFT).perform()
        self.assertEqual(page.look("paper"), drawn)

    def test_fill_eraser_and_clear(self):
        page = self.open()
        page.started()
        page.click("#clear")
        page.click("[data-tool='fill']")
        page.click(".swatch[data-color='#3ca046']")
        page.stroke((0.5, 0.5))
        self.assertEqual(page.look("paper"), [0x3c, 0xa0, 0x46] * 64)
        page.click("[data-tool='eraser']")
        page.stroke((0.1, 0.5), (0.9, 0.5))
        self.assert_differ(page.look("paper"), [0x3c, 0xa0, 0x46] * 64, 1)
        page.click("#clear")
        self.assertEqual(page.look("paper"), [255] * 192)

    def test_an_unchanged_paper_is_not_sent_but_new_words_are_followed(self):
        page = self.open()
        page.started()
        before = page.settle(1.5)
        count = page.shown
        time.sleep(1.5)
        self.assertEqual(page.shown, count, "nothing changed, nothing came")
        self.assertEqual(page.state, "Resting")
        page.run("const s = document.getElementById('strength'); s.value = 0.9; s.dispatchEvent(new Event('input'))")
        page.prompt("green frog face, flat cartoon")
        page.wait(lambda: page.shown > count, "a picture of the new words")
        self.assert_differ(before, page.settle(), 1.5)

    def test_pause_holds_and_going_on_catches_up(self):
        page = self.open()
        page.started()
        before = page.settle()
        ActionChains(page.driver).send_keys(" ").perform()
        page.wait(lambda: page.state == "Paused", "the pause")
        page.click("[data-tool='fill']")
        page.stroke((0.05, 0.95))
        time.sleep(1)
        self.assertEqual(page.look(), before)
        ActionChains(page.driver).send_keys(" ").perform()
        page.wait(lambda: difference(page.look(), before) > 2, "the picture after the pause")

    def test_a_drawing_survives_a_reload(self):
        page = self.open()
        page.started()
        page.click("#clear")
        page.stroke((0.2, 0.2), (0.8, 0.8))
        drawn = page.look("paper")
        time.sleep(1.2)
        page.driver.refresh()
        page.wait(lambda: difference(page.look("paper"), drawn) < 0.5, "the drawing of before")
