"""Stored settings, the settings panel, phone layout and dark theme."""
import json
import struct

from selenium.webdriver.common.keys import Keys

from harness import PageTest, difference

# Keeps the bytes of the next PNG that is downloaded.
CATCH_DOWNLOADS = """
window.savedPng = null;
const createObjectURL = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  if (blob.type === 'image/png') {
    blob.arrayBuffer().then((b) => { window.savedPng = Array.from(new Uint8Array(b)); });
  }
  return createObjectURL(blob);
};
"""

# Drops the PNG that CATCH_DOWNLOADS kept onto the page.
DROP_SAVED_PNG = """
const data = new DataTransfer();
data.items.add(new File([new Uint8Array(window.savedPng)], 'saved.png', { type: 'image/png' }));
window.dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
"""


def png_chunks(png: bytes) -> dict[bytes, bytes]:
    at, chunks = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at:at + 4])
        chunks[png[at + 4:at + 8]] = png[at + 8:at + 8 + length]
        at += 12 + length
    return chunks


def enter(field, text: str) -> None:
    """Types over what a field has, and leaves it."""
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(text, Keys.TAB)


class Controls(PageTest):
    def field(self, page, name):
        return page.find(f"#setting-{name}")

    def value(self, page, selector):
        return page.find(selector).get_attribute("value")

    def test_settings_survive_a_reload(self):
        page = self.open()
        page.started()
        page.prompt("green cactus, clipart")
        page.set_slider("strength", 0.7)
        page.open_settings()
        seed = self.field(page, "seed")
        enter(seed, "77")

        def is_stored():
            text = page.run("return localStorage.getItem('streamdiffusion.settings')")
            stored = json.loads(text or "{}")
            return (stored.get("prompt"), stored.get("seed")) == ("green cactus, clipart", 77)

        page.wait(is_stored, "stored settings")
        page.driver.refresh()
        page.wait(lambda: self.value(page, "#prompt") == "green cactus, clipart",
                  "prompt after a reload")
        page.wait(lambda: page.shown > 0, "image after a reload")
        self.assertAlmostEqual(float(self.value(page, "#strength")), 0.7, delta=0.05)
        page.open_settings()
        self.assertEqual(self.field(page, "seed").get_attribute("value"), "77")

    def test_a_link_carries_settings(self):
        page = self.open()
        page.started()
        page.click("#theme")
        theme = lambda: page.run("return document.documentElement.dataset.theme")
        own = theme()
        for text, address in (("blue fish", "#prompt=blue+fish&seed=5"), ("fox", "#prompt=fox")):
            page.driver.get(self.server.address + address)  # where the page is open already
            page.wait(lambda text=text: self.value(page, "#prompt") == text, "prompt of the link")
            page.started()
            self.assertEqual(page.run("return location.hash"), "")
            self.assertEqual(theme(), own, "what belongs to the visitor stays")

    def test_texts_of_a_link_stay_texts(self):
        page = self.open()
        page.started()
        page.driver.get(f"{self.server.address}#prompt=%5B1,2%5D&negative_prompt=7")
        page.wait(lambda: self.value(page, "#prompt") == "[1,2]", "prompt of the link")
        page.started()
        self.assertEqual(self.field(page, "negative_prompt").get_attribute("value"), "7")

    def test_an_unknown_source_in_a_link_is_named_and_the_drawing_opens(self):
        page = self.open()
        page.started()
        for name in ("foo", "constructor"):
            page.driver.get(f"{self.server.address}#source={name}")
            page.wait(lambda: f'There is no source "{name}"' in page.toast, "a toast")
            page.started()

    def test_a_seed_of_minus_one_becomes_the_one_that_is_drawn(self):
        page = self.open()
        page.started()
        page.open_settings()
        seed = self.field(page, "seed")
        enter(seed, "-1")
        page.wait(lambda: seed.get_attribute("value") not in ("", "2", "-1"), "a drawn seed")
        drawn = seed.get_attribute("value")
        page.driver.refresh()
        page.started()
        page.open_settings()
        self.assertEqual(self.field(page, "seed").get_attribute("value"), drawn)

    def test_a_setting_that_does_nothing_says_what_would_make_it_act(self):
        page = self.open()
        page.started()
        page.open_settings()
        page.set_slider("setting-similar_image_filter_threshold", 0.9)
        hint = page.find("#setting-similar_image_filter_threshold-hint")
        page.wait(lambda: "has no effect without enable_similar_image_filter" in hint.text, "a hint")

    def test_the_pen_color_survives_a_reload(self):
        page = self.open()
        page.started()
        page.click(".swatch[data-color='#3264d7']")
        stored = json.loads(page.run("return localStorage.getItem('streamdiffusion.settings')"))
        self.assertEqual(stored["colour"], "#3264d7", "the stored key keeps this spelling")
        page.driver.refresh()
        page.wait(lambda: page.find(".swatch[data-color='#3264d7']").get_attribute("aria-pressed")
                  == "true", "chosen color after a reload")

    def test_the_panel_has_every_parameter_and_resets_it(self):
        page = self.open()
        page.started()
        before = page.settle()
        page.open_settings()
        known = page.run("return fetch('api/settings').then((a) => a.json())")
        elsewhere = {"mode", "prompt", "prompt_list", "strength", "seed_list", "seed_interpolation_method"}
        for name, schema in known["input_params"]["properties"].items():
            if name in elsewhere or len(schema.get("enum", "ab")) == 1:
                continue
            with self.subTest(name):
                self.assertEqual(len(page.find_all(f"#setting-{name}")), 1)
                self.assertTrue(schema["description"])
        indices = self.field(page, "t_index_list")
        enter(indices, "5, 15, 30")
        steps = self.field(page, "steps")
        page.wait(lambda: steps.get_attribute("value") == "3", "three steps")
        page.wait(lambda: difference(page.settle(), before) > 0.5, "image of three steps")
        page.screenshot("settings")
        page.run("document.querySelector("
                 "'.field:has(#setting-t_index_list) .field-reset').click()")
        default = ", ".join(map(str, known["params"]["t_index_list"]))
        page.wait(lambda: indices.get_attribute("value") == default, "default value")

    def test_everyday_settings_come_first_and_the_rest_is_behind_expert(self):
        page = self.open()
        page.started()
        page.click("#settings-open")
        first = lambda: [e.text for e in page.find_all("#settings-body label") if e.text][:3]
        page.wait(lambda: first() == ["Detail", "Boldness", "Variation"], "everyday settings")
        visible = "return document.getElementById('setting-delta').checkVisibility()"
        self.assertFalse(page.run(visible))
        page.screenshot("settings-simple")
        page.click("#settings-expert summary")
        self.assertTrue(page.run(visible))

    def test_two_prompts_blend(self):
        page = self.open()
        page.started()
        page.set_slider("strength", 0.8)
        one = page.settle()
        page.open_settings()
        self.field(page, "prompt2").send_keys("blue circle, flat cartoon", Keys.TAB)
        page.set_slider("setting-blend", 1)
        page.wait(lambda: difference(page.settle(), one) > 1, "image of the blend")
        page.click("#settings-close")
        said = lambda: page.find("#unknown").text
        page.wait(lambda: "Morph into: blue circle, flat cartoon (100 %)" in said(), "what is drawn")
        page.driver.refresh()
        page.started()
        page.wait(lambda: "Morph into: blue circle" in said(), "what is drawn after a reload")

    def test_a_snapshot_contains_its_settings(self):
        page = self.open()
        page.started()
        page.settle()
        page.run(CATCH_DOWNLOADS)
        page.press("s")
        page.wait(lambda: page.run("return window.savedPng !== null"), "snapshot", 10)
        chunks = png_chunks(bytes(page.run("return window.savedPng")))
        keyword, text = chunks[b"iTXt"].split(b"\0\0\0\0\0", 1)
        self.assertEqual(keyword, b"streamdiffusion")
        self.assertIn("t_index_list", json.loads(text))

    def test_a_dropped_snapshot_offers_its_settings(self):
        page = self.open()
        page.started()
        page.open_settings()
        seed = self.field(page, "seed")
        default = seed.get_attribute("value")
        page.click("#reseed")
        page.wait(lambda: seed.get_attribute("value") != default, "new seed")
        chosen = seed.get_attribute("value")
        page.settle()
        page.run(CATCH_DOWNLOADS)
        page.click("#snapshot")
        page.wait(lambda: page.run("return window.savedPng !== null"), "snapshot", 10)
        page.click("#reset-all")
        page.wait(lambda: seed.get_attribute("value") == default, "default seed")
        page.run(DROP_SAVED_PNG)
        page.wait(lambda: page.find_all("#toast button"), "offer to use the settings", 10)
        page.click("#toast button")
        page.wait(lambda: seed.get_attribute("value") == chosen, "seed of the snapshot", 10)

    def test_wrong_steps_are_answered_in_words(self):
        page = self.open()
        page.started()
        page.open_settings()
        indices = self.field(page, "t_index_list")
        enter(indices, "60, 5")
        error = page.find(".field:has(#setting-t_index_list) .field-error")
        page.wait(lambda: "Whole numbers from 0 to 49" in error.text, "error in words")
        page.click("#reset-all")
        page.driver.get(f"{self.server.address}#width=100")
        page.wait(lambda: page.toast.startswith("Width is 100, expected"), "the setting by its name")

    def test_an_error_goes_with_what_it_is_about(self):
        page = self.open()
        page.started()
        page.open_settings()
        indices = self.field(page, "t_index_list")
        error = page.find(".field:has(#setting-t_index_list) .field-error")
        default = indices.get_attribute("value")
        for leave in (lambda: page.click("#reset-all"),
                      lambda: page.set_slider("strength", 0.7)):  # shows the steps of its own
            enter(indices, "abc")
            page.wait(lambda: error.text, "error")
            self.assertRegex(error.text, r"\d, \d+$", "an example of numbers with a comma")
            leave()
            page.wait(lambda: indices.get_attribute("value") != "abc", "valid steps")
            self.assertEqual(error.text, "")
        self.assertNotEqual(default, "abc")

    def test_full_screen_has_no_bars(self):
        page = self.open()
        page.started()
        page.click("#fullscreen")
        page.wait(lambda: page.run("return document.fullscreenElement !== null"), "full screen")
        colors = ("return ['output', 'out-frame'].map((id) => "
                  "getComputedStyle(document.getElementById(id)).backgroundColor)")
        page.wait(lambda: page.run(colors) == ["rgba(0, 0, 0, 0)", "rgb(0, 0, 0)"], "black around the image")
        page.screenshot("full-screen")
        page.run("document.exitFullscreen()")


# Where the drawing and the image are.
FRAMES = """return ['in-frame', 'out-frame'].map((id) => {
  const { x, y, width, height } = document.getElementById(id).getBoundingClientRect();
  return { x, y, width, height };
})"""


class Layout(PageTest):
    def test_the_invitation_covers_no_image_and_is_whole_everywhere(self):
        for size, language in (((320, 568), "en-US"), ((320, 568), "de"), ((320, 640), "fr"),
                               ((360, 640), "ja"), ((390, 844), "en-US"), ((844, 390), "es"),
                               ((1280, 800), "en-US"), ((1280, 720), "de")):
            with self.subTest(size=size, language=language):
                page = self.open(size=size, phone=size[0] < 1000, language=language)
                page.started()
                page.screenshot(f"invitation-{size[0]}-{language}")
                invite, frames = page.find("#invite").rect, page.run(FRAMES)
                bottom = max(frame["y"] + frame["height"] for frame in frames)
                self.assertGreaterEqual(invite["y"], bottom)
                if size[0] < size[1]:
                    follow = page.find("#follow").rect
                    self.assertGreaterEqual(invite["y"] + 1, follow["y"] + follow["height"])
                self.assertGreaterEqual(invite["x"], 0)
                self.assertLessEqual(invite["x"] + invite["width"], size[0])
                self.assertLessEqual(invite["y"] + invite["height"], size[1])
                for button in page.find_all("#invite button"):
                    self.assertTrue(button.is_displayed())
                    box = button.rect
                    self.assertGreaterEqual(box["height"], 24)
                    self.assertLessEqual(box["x"] + box["width"], invite["x"] + invite["width"])
                page.click("#start-over")
                page.wait(lambda: page.is_hidden("invite"), "drawing without the invitation")
                self.assertEqual(page.run(FRAMES), frames, "nothing moves")
                page.close()

    def test_the_status_bar_never_widens_the_page(self):
        page = self.open(size=(320, 640), phone=True)
        page.started()
        for figure in ("8.8", "888", "88888"):
            page.run("""for (const b of document.querySelectorAll('.stat b')) {
                  b.textContent = arguments[0];
                }
                document.getElementById('state-text').textContent = 'Making an image…';""", figure)
            self.assertEqual(page.run("return document.documentElement.scrollWidth"), 320)

    def test_the_page_is_usable_on_a_phone(self):
        page = self.open(size=(390, 844), phone=True, scale=2)
        page.started()
        page.settle()
        self.assertLessEqual(page.run("return document.documentElement.scrollWidth"), 390)
        drawing, output = page.find("#drawing").rect, page.find("#output").rect
        self.assertLess(output["y"] + output["height"], drawing["y"] + 1,
                        "the output is above the drawing")
        self.assertGreater(min(drawing["width"], output["width"]), 220)
        page.screenshot("phone-light")
        for selector in ("#prompt", "#strength", "#settings-open", "#snapshot", "#theme",
                         "[data-tool='fill']", ".swatch"):
            box = page.find(selector).rect
            with self.subTest(selector):
                self.assertGreaterEqual(box["x"], 0)
                self.assertLessEqual(box["x"] + box["width"], 390)
                self.assertLessEqual(box["y"] + box["height"], 844)
                self.assertGreaterEqual(min(box["width"], box["height"]), 24)
        page.click("#settings-open")

        def sheet_is_in():
            sheet = page.find("#settings-panel").rect
            return abs(sheet["y"] + sheet["height"] - 844) <= 1

        page.wait(sheet_is_in, "sheet at the lower edge")
        page.screenshot("phone-settings")
        page.click("#settings-close")

    def test_a_phone_in_landscape_has_every_control_in_sight(self):
        page = self.open(size=(844, 390), phone=True, scale=2)
        page.started()
        page.settle()
        page.screenshot("phone-landscape")
        covered = page.run("""return [...document.querySelectorAll(
            '.top button, .rail button, .rail input[type=range], #prompt, #strength, ' +
            '#settings-open, #invite button')]
          .filter((e) => e.checkVisibility())
          .filter((e) => {
            const { x, y, width, height } = e.getBoundingClientRect();
            const hit = document.elementFromPoint(x + width / 2, y + height / 2);
            return hit !== e && !e.contains(hit) || y < 0 || y + height > innerHeight ||
              x < 0 || x + width > innerWidth;
          }).map((e) => e.id || e.outerHTML.slice(0, 60))""")
        self.assertEqual(covered, [])

    def test_a_phone_in_landscape_says_what_is_drawn_and_keeps_its_images_beside_the_settings(self):
        page = self.open(size=(844, 390), phone=True, scale=2)
        page.started()
        page.stroke((0.2, 0.2), (0.3, 0.3))
        page.prompt("cyberpunk fox")
        page.wait(lambda: page.find("#unknown").is_displayed(), "unknown word")
        self.assertIn("cyberpunk", page.find("#unknown").text)
        for name in ("things-open", "concepts", "styles"):
            box = page.find(f"#{name}").rect
            self.assertTrue(page.find(f"#{name}").is_displayed(), name)
            self.assertLessEqual(box["y"] + box["height"], 390)
        page.screenshot("phone-landscape-unknown")
        page.click("#settings-open")
        for frame in page.run(FRAMES):
            self.assertGreaterEqual(frame["width"], 180)
        page.screenshot("phone-landscape-settings")

    def test_prompt_only_on_a_phone_leaves_every_button_free(self):
        page = self.open(size=(390, 844), phone=True, scale=2)
        page.started()
        page.click("[data-source='words']")
        page.wait_for_images(1, "image of the prompt")
        hit = """const box = document.getElementById(arguments[0]).getBoundingClientRect();
            const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return hit.id || hit.closest('button')?.id"""
        for name in ("pause", "snapshot", "record", "reseed"):
            with self.subTest(name):
                self.assertEqual(page.run(hit, name), name)
        rail, last = page.find(".rail-out").rect, page.find("#history-open").rect
        self.assertGreaterEqual(rail["x"] + rail["width"], last["x"] + last["width"])
        self.assertAlmostEqual(rail["x"] + rail["width"] / 2, 195, delta=2, msg="in the middle")
        theme = page.find("#theme").rect
        self.assertLessEqual(theme["x"] + theme["width"], 390)
        self.assertLessEqual(page.run("return document.documentElement.scrollWidth"), 390)
        self.assertTrue(page.is_hidden("follow"), "nothing to follow but the words")
        page.screenshot("phone-prompt-only")

    def test_dark_follows_the_system_and_the_button_changes_it(self):
        page = self.open(dark=True)
        page.started()
        page.settle()
        page.screenshot("desktop-dark")

        def brightness():
            rgb = page.run("return getComputedStyle(document.documentElement).backgroundColor")
            return sum(map(int, rgb[4:-1].split(",")))

        self.assertLess(brightness(), 150)
        page.click("#theme")
        page.wait(lambda: brightness() > 600, "light theme")
