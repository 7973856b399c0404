"""Camera, screen, words alone, two people at once, a full house, and a server that goes away."""
import time

from harness import PageTest, Server, difference


class Sources(PageTest):
    def test_camera_pictures_arrive_and_change_with_the_words(self):
        page = self.open()
        page.started()
        page.click("[data-source='camera']")
        count = page.shown
        page.wait(lambda: page.shown > count + 8, "pictures of the camera")
        page.wait(lambda: page.state == "Live", "the live state")
        self.assertRegex(page.find("#stat-fps").text, r"^\d")
        self.assertRegex(page.find("#stat-age").text, r"^\d")

        def mean_look(count=12):
            looks = []
            for _ in range(count):
                looks.append(page.look())
                time.sleep(0.1)
            return [sum(values) / count for values in zip(*looks, strict=True)]

        page.run("const s = document.getElementById('strength'); s.value = 0.85; s.dispatchEvent(new Event('input'))")
        page.prompt("red apple, 3d render")
        time.sleep(1.5)
        apple, noise = mean_look(), mean_look()
        page.shoot("camera")
        page.prompt("blue whale, flat cartoon, on a light blue background")
        time.sleep(1.5)
        self.assertGreater(difference(apple, mean_look()), difference(apple, noise) + 1)
        self.assertEqual(page.complaints(), [])

    def test_a_refused_camera_says_so_and_offers_the_canvas(self):
        page = self.open(camera=False)
        page.started()
        page.click("[data-source='camera']")
        page.wait(lambda: not page.run("return document.getElementById('in-notice').hidden"), "the notice", 10)
        self.assertIn("not allowed", page.find("#in-notice p").text)
        page.shoot("camera-refused")
        page.find("#in-notice .button:not(.button-main)").click()
        self.assertTrue(page.find("#paper").is_displayed())
        self.assertTrue(page.run("return document.getElementById('in-notice').hidden"))

    def test_a_shared_screen_is_followed(self):
        page = self.open()
        page.started()
        page.click("[data-source='screen']")
        count = page.shown
        page.wait(lambda: page.shown > count + 8, "pictures of the screen")
        self.assertEqual(page.complaints(), [])

    def test_words_alone_give_a_picture_and_another_for_other_noise(self):
        page = self.open()
        page.started()
        page.run("const s = document.getElementById('strength'); s.value = 0.4; s.dispatchEvent(new Event('input'))")
        time.sleep(1)
        drawing = page.settle()
        words = page.find("#prompt").get_attribute("value")
        page.click("[data-source='words']")
        page.prompt("yellow chick, 3d render")
        count = page.shown
        page.wait(lambda: page.shown > count, "a picture from words")
        first = page.settle()
        page.shoot("words")
        page.click("#reseed")
        page.wait(lambda: difference(page.look(), first) > 1.5, "a picture from other noise")
        page.prompt(words)
        page.run("document.getElementById('tune-open').click(); document.querySelector(\"[aria-label='Reset Seed']\").click()")
        page.click("[data-source='draw']")
        page.wait(lambda: page.find("#paper").is_displayed(), "the paper")
        page.wait(lambda: difference(page.look(), drawing) < 4, "the drawing's picture again")

    def test_an_unknown_word_is_underlined_and_a_near_one_offered(self):
        page = self.open()
        page.started()
        page.prompt("blue unicornn, flat cartoon")
        page.wait(lambda: page.run("return document.querySelector('#prompt-underlay mark')?.textContent") == "unicornn", "the underline")
        page.shoot("unknown-word")
        chips = page.driver.find_elements("css selector", "#unknown .chip")
        self.assertIn("unicorn", [c.text for c in chips])
        next(c for c in chips if c.text == "unicorn").click()
        self.assertEqual(page.find("#prompt").get_attribute("value"), "blue unicorn, flat cartoon")
        page.wait(lambda: not page.driver.find_elements("css selector", "#prompt-underlay mark"), "no underline")

    def test_two_people_see_only_their_own(self):
        one, other = self.open(), self.open()
        for page, color in ((one, "#d62828"), (other, "#3264d7")):
            page.started()
            page.click("#clear")
            page.click("[data-tool='fill']")
            page.run("const s = document.getElementById('strength'); s.value = 0.3; s.dispatchEvent(new Event('input'))")
            page.click(f".swatch[data-color='{color}']")
            page.stroke((0.5, 0.5))
        for page in (one, other):
            page.settle()
        for _ in range(3):
            red, blue = one.settle(0.3), other.settle(0.3)
            self.assertGreater(sum(red[0::3]), sum(red[2::3]), "red on the first screen")
            self.assertGreater(sum(blue[2::3]), sum(blue[0::3]), "blue on the other")
            one.stroke((0.3, 0.3))
            other.stroke((0.3, 0.3))
        one.shoot("two-one")
        other.shoot("two-other")


class FullHouse(PageTest):
    flags = ("--max-sessions", "1")

    def test_the_second_waits_in_line_and_is_let_in(self):
        first = self.open()
        first.started()
        second = self.open()
        second.wait(lambda: "next in line" in second.find("#out-notice").text.replace("\n", " "), "the place in line")
        self.assertEqual(second.state, "Waiting")
        second.shoot("waiting")
        self.assertEqual(second.shown, 0)
        first.driver.get("about:blank")
        second.wait(lambda: second.shown > 0, "the first picture after the wait")


class ComesBack(PageTest):
    def test_the_last_picture_stays_and_the_page_reconnects(self):
        server = Server()
        self.addCleanup(lambda: server.stop())
        self.server_of_class, type(self).server = self.server, server
        self.addCleanup(lambda: setattr(type(self), "server", self.server_of_class))
        page = self.open()
        page.started()
        last = page.settle()
        server.stop()
        page.wait(lambda: page.state == "Reconnecting", "the loss noticed")
        self.assertEqual(page.look(), last)
        page.shoot("reconnecting")
        server.start()
        count = page.shown
        page.wait(lambda: page.shown > count, "a picture after the restart")
        page.stroke((0.2, 0.8), (0.8, 0.8))
        page.wait(lambda: page.shown > count + 1, "drawing goes on")
