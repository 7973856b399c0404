"""The server under test, a browser with the page, and what a test may do with both."""
import contextlib
import json
import pathlib
import socket
import ssl
import subprocess
import time
import unittest
import urllib.request

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.remote_connection import RemoteConnection

PROGRAM = pathlib.Path("build/release/streamdiffusion")
OUT = pathlib.Path(__file__).resolve().parents[2] / "out" / "browser"
TIMEOUT_S = 30.0  # for anything that waits for the engine, on a busy machine
RemoteConnection.set_timeout(4 * TIMEOUT_S)  # for a driver that does not answer: the tests end

# A canvas as 8x8 colors: enough to tell whether two images differ.
THUMBNAIL = """
const canvas = document.getElementById(arguments[0]);
const small = document.createElement('canvas');
small.width = small.height = 8;
const context = small.getContext('2d');
context.imageSmoothingQuality = 'high';
context.drawImage(canvas, 0, 0, 8, 8);
return Array.from(context.getImageData(0, 0, 8, 8).data).filter((_, i) => i % 4 < 3);
"""

SET_SLIDER = """
const [id, value] = arguments;
const slider = document.getElementById(id);
slider.value = value;
slider.dispatchEvent(new Event('input'));
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`streamdiffusion serve` on a free port. Can be stopped and started again on the same port."""

    def __init__(self, *flags: str):
        self.port = free_port()
        self.flags = flags
        self.process = None
        self.start()

    @property
    def address(self) -> str:
        scheme = "https" if "--self-signed" in self.flags else "http"
        return f"{scheme}://localhost:{self.port}/"

    def start(self) -> None:
        OUT.mkdir(parents=True, exist_ok=True)
        self.log = (OUT / f"server-{self.port}.log").open("a")
        command = [str(PROGRAM), "serve", "--port", str(self.port), *self.flags]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                code = self.process.returncode
                raise RuntimeError(f"the server exited with {code}; see {self.log.name}")
            if self._answers():
                return
            time.sleep(0.1)
        raise RuntimeError("the server does not answer")

    def _answers(self) -> bool:
        is_https = self.address.startswith("https")
        context = ssl._create_unverified_context() if is_https else None
        with contextlib.suppress(OSError):
            url = self.address + "healthz"
            with urllib.request.urlopen(url, timeout=2, context=context) as answer:
                return answer.status == 200
        return False

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def difference(a: list[int], b: list[int]) -> float:
    """Mean absolute difference of two thumbnails, 0..255."""
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a)


def chrome_options(size: tuple[int, int], camera: bool, language: str) -> webdriver.ChromeOptions:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--hide-scrollbars", "--disable-backgrounding-occluded-windows",
             "--disable-renderer-backgrounding", f"--accept-lang={language}",
             "--use-fake-device-for-media-stream",
             "--ignore-certificate-errors", f"--window-size={size[0]},{size[1] + 140}",
             "--use-fake-ui-for-media-stream" if camera else "--deny-permission-prompts"]
    for flag in flags:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return options


class Page:
    """A browser with the page open."""

    def __init__(self, address: str, size=(1280, 800), phone=False, dark=False, scale=1.0,
                 camera=True, motion=False, language="en-US"):
        """Without `motion` the opening is over at once, as for visitors who prefer that."""
        service = Service("/usr/bin/chromedriver")
        options = chrome_options(size, camera, language)
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(2 * TIMEOUT_S)
        self.driver.set_script_timeout(2 * TIMEOUT_S)
        self.address = address
        self.messages: list[str] = []
        command = self.driver.execute_cdp_cmd
        command("Emulation.setDeviceMetricsOverride",
                {"width": size[0], "height": size[1], "deviceScaleFactor": scale, "mobile": phone})
        command("Emulation.setTouchEmulationEnabled", {"enabled": phone})
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        wanted = {"name": "prefers-reduced-motion", "value": "no-preference" if motion else "reduce"}
        command("Emulation.setEmulatedMedia", {"features": [scheme, wanted]})
        self.driver.get(address)

    def close(self) -> None:
        self.driver.quit()

    def find(self, selector: str):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector: str):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
        return self.run(script, selector)

    def run(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def click(self, selector: str) -> None:
        self.find(selector).click()

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def open_settings(self) -> None:
        """The settings panel with all of its fields."""
        self.click("#settings-open")
        self.run("document.getElementById('settings-expert').open = true")

    def set_slider(self, name: str, value: float) -> None:
        self.run(SET_SLIDER, name, value)

    def is_hidden(self, name: str) -> bool:
        return self.run("return document.getElementById(arguments[0]).hidden", name)

    def thumbnail(self, canvas="output") -> list[int]:
        return self.run(THUMBNAIL, canvas)

    @property
    def shown(self) -> int:
        """How many generated images were shown."""
        return int(self.run("return document.getElementById('output').dataset.live ?? 0"))

    @property
    def toast(self) -> str:
        """The last short message, even if it has disappeared again: a busy machine may be slow to look."""
        return self.run("return document.getElementById('toast').textContent")

    @property
    def state(self) -> str:
        return self.find("#state-text").text

    def wait(self, condition, what: str, timeout=TIMEOUT_S):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        self.screenshot("failed")
        raise AssertionError(f"no {what} after {timeout:.0f} s "
                             f"(state: {self.state}, shown: {self.shown})")

    def display_frames(self, count: int) -> None:
        """Waits until the browser has drawn `count` frames."""
        self.driver.execute_async_script("""
            const [count, done] = arguments;
            let left = count;
            const next = () => { left -= 1; left > 0 ? requestAnimationFrame(next) : done(); };
            requestAnimationFrame(next);""", count)

    def wait_for_images(self, count: int, what: str) -> None:
        """Waits until `count` more images were shown."""
        target = self.shown + count
        self.wait(lambda: self.shown >= target, what)

    def settle(self, quiet=0.8) -> list[int]:
        """The thumbnail of the output after `quiet` seconds without a new image."""
        deadline = time.monotonic() + TIMEOUT_S
        count, since = self.shown, time.monotonic()
        while time.monotonic() < deadline:
            if self.shown != count:
                count, since = self.shown, time.monotonic()
            elif time.monotonic() - since > quiet and count > 0:
                return self.thumbnail()
            time.sleep(0.05)
        raise AssertionError("images keep coming")

    def started(self) -> None:
        self.wait(lambda: self.shown > 0, "first image")
        # The whole opening comes before it, where motion is wanted.
        self.wait(lambda: not self.is_hidden("invite"), "invitation to draw", 3 * TIMEOUT_S)

    def stroke(self, *points: tuple[float, float]) -> None:
        """Draws with the mouse. Points are fractions of the drawing's width and height."""
        drawing = self.find("#drawing")
        size = drawing.size
        offsets = [(round((x - 0.5) * size["width"]), round((y - 0.5) * size["height"]))
                   for x, y in points]
        actions = ActionChains(self.driver, duration=30)
        actions.move_to_element_with_offset(drawing, *offsets[0]).click_and_hold()
        for offset in offsets[1:]:
            actions.move_to_element_with_offset(drawing, *offset)
        actions.release().perform()

    def prompt(self, text: str) -> None:
        field = self.find("#prompt")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text, Keys.ENTER)

    def console_problems(self) -> list[str]:
        """All warnings and errors of the console so far."""
        self.messages += [m["message"] for m in self.driver.get_log("browser")
                          if m["level"] in ("WARNING", "SEVERE")]
        return self.messages

    def screenshot(self, name: str) -> None:
        OUT.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(OUT / f"{name}.png"))


class PageTest(unittest.TestCase):
    """The tests of a class share a server. The pages of a test are closed at its end."""

    flags: tuple[str, ...] = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(*cls.flags)
        cls.addClassCleanup(cls.server.stop)

    def open(self, path="", server=None, **options) -> Page:
        page = Page((server or self.server).address + path, **options)
        self.addCleanup(page.close)
        return page

    def open_with(self, script: str, **options) -> Page:
        """A page that runs the script before its own."""
        page = self.open("healthz", **options)
        page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        page.console_problems()
        page.messages.clear()  # of the page before
        page.driver.get(self.server.address)
        return page

    def open_by(self, transport: str, server=None) -> Page:
        """A page whose images come by `transport`; the test is skipped where that cannot be."""
        page = self.open(f"?transport={transport}", server)
        if page.run("return fetch('api/settings').then((a) => a.json())")["info"]["webrtc"] is False:
            self.skipTest("built without WebRTC")
        return page

    def session(self, server=None) -> dict:
        """What the server says of its live session."""
        url = (server or self.server).address + "api/sessions"
        with urllib.request.urlopen(url, timeout=10) as answer:
            live = [s for s in json.load(answer)["sessions"] if s["state"] == "live"]
        return live[-1] if live else {}

    def sent_prompt(self) -> str:
        return self.session().get("params", {}).get("prompt", "")

    def patch(self, params: dict) -> None:
        """Changes parameters of the live session, as another program would."""
        url = f"{self.server.address}api/sessions/{self.session()['id']}"
        request = urllib.request.Request(url, json.dumps(params).encode(), method="PATCH",
                                         headers={"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()

    def assert_differ(self, a, b, minimum=2.0) -> None:
        self.assertGreater(difference(a, b), minimum)
