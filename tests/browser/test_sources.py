"""Camera, screen, prompt only, two visitors, a full server, and a server that goes away."""
import json
import urllib.request

from harness import PageTest, Server, difference


def mean_thumbnail(page, count=12):
    """Mean over several images: the fake camera's image moves."""
    thumbnails = []
    for _ in range(count):
        page.wait_for_images(1, "next image of the camera")
        thumbnails.append(page.thumbnail())
    return [sum(values) / count for values in zip(*thumbnails, strict=True)]


class Sources(PageTest):
    def hint(self, name):
        """What the model's page.json says."""
        with urllib.request.urlopen(f"{self.server.address}api/settings", timeout=5) as answer:
            return json.load(answer)["page"][name]

    def test_camera_images_arrive_and_change_with_the_prompt(self):
        page = self.open()
        page.started()
        page.click("[data-source='camera']")
        page.wait_for_images(9, "images of the camera")
        page.wait(lambda: page.state == "Live", "live state")
        self.assertRegex(page.find("#stat-fps").text, r"^\d")
        self.assertRegex(page.find("#stat-age").text, r"^\d")
        page.set_slider("strength", 0.85)
        page.prompt("red apple, 3d render")
        page.wait_for_images(9, "images of the apple")
        apple, apple_again = mean_thumbnail(page), mean_thumbnail(page)
        page.screenshot("camera")
        page.prompt("blue whale, flat cartoon, on a light blue background")
        page.wait_for_images(9, "images of the whale")
        whale = mean_thumbnail(page)
        self.assertGreater(difference(apple, whale), difference(apple, apple_again) + 1)
        self.assertEqual(page.console_problems(), [])

    def test_the_camera_brings_its_prompt_and_takes_it_along(self):
        page = self.open()
        page.started()

        def prompt():
            return page.find("#prompt").get_attribute("value")

        own = prompt()
        page.click("[data-source='camera']")
        page.wait(lambda: prompt() == "smiling face, 3d render", "prompt of the camera")
        page.wait_for_images(3, "images of the camera")
        self.assertIn("alien", [c.text for c in page.find_all("#concepts .chip")])
        self.assertIn("not photographs", page.find("#in-hint").text)
        page.screenshot("camera-first")
        page.click("[data-source='draw']")
        page.wait(lambda: prompt() == own, "prompt of the drawing")
        page.prompt("green frog, clipart")
        page.click("[data-source='camera']")
        page.wait_for_images(1, "images of the camera")
        self.assertEqual(prompt(), "green frog, clipart", "the visitor's own prompt stays")
        of_camera = self.hint("camera")["strength"]
        strength = lambda: self.session()["params"]["strength"]
        page.wait(lambda: abs(strength() - of_camera) < 0.03, "the camera's strength")
        self.assertTrue(page.is_hidden("strength-best"), "the best range is the drawings'")
        page.click("[data-source='draw']")
        page.wait(lambda: abs(strength() - of_camera) > 0.2, "the drawing's strength")
        page.click("[data-source=camera]")
        page.wait(lambda: abs(strength() - of_camera) < 0.03, "the camera's strength")
        page.driver.refresh()
        page.wait(lambda: page.shown > 0, "image of the camera")
        page.click("[data-source=draw]")
        page.wait(lambda: abs(strength() - of_camera) > 0.2, "the drawing's strength after a reload")
        self.assertFalse(page.is_hidden("strength-best"))

    def test_an_image_of_the_camera_is_drawn_over_with_its_prompt(self):
        page = self.open()
        page.started()
        page.click("[data-source='camera']")
        prompt = lambda: page.find("#prompt").get_attribute("value")
        page.wait(lambda: prompt() == self.hint("camera")["prompt"], "prompt of the camera")
        page.wait_for_images(3, "images of the camera")
        page.click("#draw-over")
        page.wait(lambda: page.run("return !document.getElementById('drawing').hidden"), "drawing")
        page.settle()
        self.assertEqual(prompt(), self.hint("camera")["prompt"])

    def test_a_page_that_opens_with_the_camera_has_its_first_drawing_later(self):
        page = self.open()
        page.started()
        page.run("sessionStorage.clear()")
        page.click("[data-source='camera']")
        page.wait_for_images(1, "images of the camera")
        page.driver.refresh()
        page.wait(lambda: page.shown > 0, "images of the camera")
        page.click("[data-source='draw']")
        page.wait(lambda: not page.is_hidden("invite"), "the invitation")
        self.assertEqual(page.find("#prompt").get_attribute("value"), self.hint("opening")[0])

    def test_a_refused_camera_says_so_and_offers_the_drawing(self):
        page = self.open(camera=False)
        page.started()
        page.click("[data-source='camera']")
        page.wait(lambda: not page.is_hidden("in-notice"), "notice", 10)
        self.assertIn("not allowed", page.find("#in-notice p").text)
        page.screenshot("camera-refused")
        page.find("#in-notice .button:not(.button-main)").click()
        self.assertTrue(page.find("#drawing").is_displayed())
        self.assertTrue(page.is_hidden("in-notice"))

    def test_a_shared_screen_gives_images(self):
        page = self.open()
        page.started()
        page.click("[data-source='screen']")
        page.wait_for_images(9, "images of the screen")
        self.assertEqual(page.console_problems(), [])

    def test_the_prompt_alone_gives_an_image_and_another_for_new_noise(self):
        page = self.open()
        page.started()
        page.set_slider("strength", 0.4)
        page.wait_for_images(1, "image of that strength")
        before = page.settle()
        prompt = page.find("#prompt").get_attribute("value")
        page.click("[data-source='words']")
        page.prompt("yellow chick, 3d render")
        page.wait_for_images(1, "image of the prompt")
        first = page.settle()
        page.screenshot("prompt-only")
        page.click("#reseed")
        page.wait(lambda: difference(page.thumbnail(), first) > 1.5, "image from new noise")
        page.prompt(prompt)
        page.run("document.getElementById('settings-open').click()")
        page.run("document.querySelector('.field:has(#setting-seed) .field-reset').click()")
        page.click("[data-source='draw']")
        page.wait(lambda: page.find("#drawing").is_displayed(), "drawing")
        page.wait(lambda: difference(page.thumbnail(), before) < 4, "image of the drawing again")

    def test_an_unknown_word_is_underlined_and_a_similar_one_offered(self):
        page = self.open()
        page.started()
        page.prompt("blue unicornn, flat cartoon")
        mark = "return document.querySelector('#prompt-underlay mark')?.textContent"
        page.wait(lambda: page.run(mark) == "unicornn", "underline")
        page.screenshot("unknown-word")
        chips = page.find_all("#unknown .chip")
        self.assertIn("unicorn", [c.text for c in chips])
        next(c for c in chips if c.text == "unicorn").click()
        self.assertEqual(page.find("#prompt").get_attribute("value"), "blue unicorn, flat cartoon")
        page.wait(lambda: not page.find_all("#prompt-underlay mark"), "prompt without underline")

    def test_two_visitors_see_only_their_own_images(self):
        one, other = self.open(), self.open()
        for page, color in ((one, "#d62828"), (other, "#3264d7")):
            page.started()
            page.click("#clear")
            page.click("[data-tool='fill']")
            page.set_slider("strength", 0.3)
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
        one.screenshot("two-one")
        other.screenshot("two-other")


class FullServer(PageTest):
    flags = ("--max-sessions", "1")

    def test_the_second_visitor_waits_in_line_and_is_let_in(self):
        first = self.open()
        first.started()
        second = self.open()

        def notice():
            return second.find("#out-notice").text.replace("\n", " ")

        second.wait(lambda: "number 1 in line" in notice(), "position in line")
        self.assertEqual(second.state, "Waiting")
        second.screenshot("waiting")
        self.assertEqual(second.shown, 0)
        first.driver.get("about:blank")
        second.wait(lambda: second.shown > 0, "first image after the wait")


class Reconnection(PageTest):
    def test_the_last_image_stays_and_the_page_reconnects(self):
        server = Server()
        self.addCleanup(server.stop)
        page = self.open(server=server)
        page.started()
        last = page.settle()
        server.stop()
        page.wait(lambda: page.state == "Reconnecting", "reconnecting state")
        self.assertEqual(page.thumbnail(), last)
        page.wait(lambda: not page.is_hidden("lost-badge"), "note over the image")
        page.screenshot("reconnecting")
        server.start()
        count = page.shown
        page.wait(lambda: page.shown > count, "image after the restart")
        self.assertTrue(page.is_hidden("lost-badge"))
        page.stroke((0.2, 0.8), (0.8, 0.8))
        page.wait(lambda: page.shown > count + 1, "image of the next stroke")
