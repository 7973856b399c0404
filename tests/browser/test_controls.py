"""Settings that stay, the Tune panel, phone, dark, and the keyboard alone."""
import json
import struct
import time

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from harness import PageTest, difference


class Controls(PageTest):
    def field(self, page, name):
        return page.find(f"#tune-{name}")

    def test_settings_survive_a_reload_and_travel_in_a_link(self):
        page = self.open()
        page.started()
        page.prompt("green cactus, clipart")
        page.run("const s = document.getElementById('strength'); s.value = 0.7; s.dispatchEvent(new Event('input'))")
        page.click("#tune-open")
        seed = self.field(page, "seed")
        seed.send_keys(Keys.CONTROL, "a")
        seed.send_keys("77", Keys.TAB)
        time.sleep(0.5)
        stored = json.loads(page.run("return localStorage.getItem('streamdiffusion.settings')"))
        self.assertEqual((stored["prompt"], stored["seed"]), ("green cactus, clipart", 77))
        page.driver.refresh()
        page.wait(lambda: page.find("#prompt").get_attribute("value") == "green cactus, clipart", "the prompt after a reload")
        page.wait(lambda: page.shown > 0, "a picture after a reload")
        self.assertAlmostEqual(float(page.find("#strength").get_attribute("value")), 0.7, delta=0.05)
        page.click("#tune-open")
        self.assertEqual(self.field(page, "seed").get_attribute("value"), "77")

        other = self.open()
        other.started()
        other.driver.get(f"{self.server.address}#prompt=blue+fish&seed=5")
        other.driver.refresh()
        other.wait(lambda: other.find("#prompt").get_attribute("value") == "blue fish", "the link's prompt")
        self.assertEqual(other.run("return location.hash"), "")

    def test_tune_has_every_parameter_and_resets_each(self):
        page = self.open()
        page.started()
        before = page.settle()
        page.click("#tune-open")
        known = page.run("return fetch('api/settings').then((a) => a.json())")
        elsewhere = {"mode", "prompt", "prompt_list", "strength"}
        for name, schema in known["input_params"]["properties"].items():
            if name in elsewhere or len(schema.get("enum", "ab")) == 1:
                continue
            with self.subTest(name):
                self.assertTrue(page.run("return document.getElementById(arguments[0]) !== null", f"tune-{name}"))
                self.assertTrue(schema["description"])
        places = self.field(page, "t_index_list")
        places.send_keys(Keys.CONTROL, "a")
        places.send_keys("5, 15, 30", Keys.TAB)
        page.wait(lambda: self.field(page, "steps").get_attribute("value") == "3", "three steps")
        page.wait(lambda: difference(page.settle(), before) > 0.5, "the picture of three steps")
        page.shoot("tune")
        page.run("document.querySelector(\"[aria-label^='Reset'][aria-label*='laces']\").click()")
        page.wait(lambda: places.get_attribute("value") == ", ".join(map(str, known["params"]["t_index_list"])), "the default back")

    def test_two_prompts_blend(self):
        page = self.open()
        page.started()
        page.run("const s = document.getElementById('strength'); s.value = 0.8; s.dispatchEvent(new Event('input'))")
        one = page.settle()
        page.click("#tune-open")
        self.field(page, "prompt2").send_keys("blue circle, flat cartoon", Keys.TAB)
        page.run("const s = document.getElementById('tune-blend'); s.value = 1; s.dispatchEvent(new Event('input'))")
        page.wait(lambda: difference(page.settle(), one) > 1, "the blend")

    def test_a_snapshot_carries_its_settings(self):
        page = self.open()
        page.started()
        page.settle()
        page.run("""
            window.saved = null;
            const make = URL.createObjectURL;
            URL.createObjectURL = (blob) => {
              if (blob.type === 'image/png') blob.arrayBuffer().then((b) => { window.saved = Array.from(new Uint8Array(b)); });
              return make(blob);
            };""")
        ActionChains(page.driver).send_keys("s").perform()
        page.wait(lambda: page.run("return window.saved !== null"), "the snapshot", 10)
        png = bytes(page.run("return window.saved"))
        at, kinds = 8, {}
        while at < len(png):
            (length,) = struct.unpack(">I", png[at:at + 4])
            kinds[png[at + 4:at + 8]] = png[at + 8:at + 8 + length]
            at += 12 + length
        keyword, text = kinds[b"iTXt"].split(b"\0\0\0\0\0", 1)
        self.assertEqual(keyword, b"streamdiffusion")
        self.assertIn("t_index_list", json.loads(text))

    def test_recording_gives_a_film(self):
        page = self.open()
        page.started()
        page.run("""
            window.film = 0;
            const make = URL.createObjectURL;
            URL.createObjectURL = (blob) => { if (blob.type.startsWith('video')) window.film = blob.size; return make(blob); };""")
        page.click("#record")
        page.stroke((0.2, 0.2), (0.8, 0.3), (0.2, 0.4), (0.8, 0.5))
        time.sleep(2)
        page.click("#record")
        page.wait(lambda: page.run("return window.film") > 1000, "the film", 10)

    def test_phone_is_usable(self):
        page = self.open(size=(390, 844), phone=True, scale=2)
        page.started()
        page.settle()
        self.assertLessEqual(page.run("return document.documentElement.scrollWidth"), 390)
        paper, picture = page.find("#paper").rect, page.find("#picture").rect
        self.assertLess(picture["y"] + picture["height"], paper["y"] + 1, "the picture is above the paper")
        self.assertGreater(min(paper["width"], picture["width"]), 220)
        page.shoot("phone-light")
        for selector in ("#prompt", "#strength", "#tune-open", "#snapshot", "[data-tool='fill']", ".swatch"):
            box = page.find(selector).rect
            with self.subTest(selector):
                self.assertGreaterEqual(box["x"], 0)
                self.assertLessEqual(box["x"] + box["width"], 390)
                self.assertLessEqual(box["y"] + box["height"], 844)
                self.assertGreaterEqual(min(box["width"], box["height"]), 24)
        page.click("#tune-open")
        time.sleep(0.4)
        page.shoot("phone-tune")
        sheet = page.find("#tune").rect
        self.assertAlmostEqual(sheet["y"] + sheet["height"], 844, delta=1)
        page.click("#tune-close")

    def test_dark_follows_the_system(self):
        page = self.open(dark=True)
        page.started()
        page.settle()
        page.shoot("desktop-dark")
        ground = page.run("return getComputedStyle(document.documentElement).backgroundColor")
        self.assertLess(sum(map(int, ground[4:-1].split(","))), 150)
        page.click("#theme")
        ground = page.run("return getComputedStyle(document.documentElement).backgroundColor")
        self.assertGreater(sum(map(int, ground[4:-1].split(","))), 600)

    def test_every_control_is_reached_and_named_by_the_keyboard(self):
        page = self.open()
        page.started()
        wanted = set(page.run("""
            return [...document.querySelectorAll('button, input, select, textarea, canvas[tabindex]')]
              .filter((e) => e.checkVisibility() && !e.disabled && e.tabIndex >= 0)
              .map((e, i) => (e.dataset.reach = String(i)))"""))
        nameless = page.run("""
            return [...document.querySelectorAll('[data-reach]')]
              .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML)""")
        self.assertEqual(nameless, [])
        reached = set()
        for _ in range(len(wanted) + 10):
            ActionChains(page.driver).send_keys(Keys.TAB).perform()
            reach = page.run("return document.activeElement?.dataset.reach")
            if reach is not None:
                reached.add(reach)
        missing = [page.run("return document.querySelector(`[data-reach='${arguments[0]}']`)?.outerHTML", m)
                   for m in wanted - reached]
        self.assertEqual(missing, [])

    def test_keys_do_what_the_list_says(self):
        page = self.open()
        page.started()
        press = lambda *keys: ActionChains(page.driver).send_keys(*keys).perform()
        press("?")
        self.assertTrue(page.run("return document.getElementById('help').open"))
        page.shoot("help")
        press(Keys.ESCAPE)
        size = int(page.find("#size").get_attribute("value"))
        press("]")
        self.assertGreater(int(page.find("#size").get_attribute("value")), size)
        press("[", "[")
        self.assertLess(int(page.find("#size").get_attribute("value")), size)
        press("f")
        self.assertEqual(page.find("[data-tool='fill']").get_attribute("aria-pressed"), "true")
        press("/")
        self.assertEqual(page.run("return document.activeElement.id"), "prompt")
        press("z", Keys.ESCAPE)
        self.assertTrue(page.find("#prompt").get_attribute("value"))
