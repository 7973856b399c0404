"""The server under test, a browser, and what a test may ask of the page."""
import contextlib
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

PROGRAM = pathlib.Path("build/release/streamdiffusion")
OUT = pathlib.Path(__file__).resolve().parents[2] / "out" / "browser"
PATIENCE = 30.0  # seconds for anything that waits on the engine, on a busy machine

# What the page shows, at 8x8 colors: enough to say whether two pictures differ.
LOOK = """
const canvas = document.getElementById(arguments[0]);
const small = document.createElement('canvas');
small.width = small.height = 8;
const context = small.getContext('2d');
context.imageSmoothingQuality = 'high';
context.drawImage(canvas, 0, 0, 8, 8);
return Array.from(context.getImageData(0, 0, 8, 8).data).filter((_, i) => i % 4 < 3);
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`streamdiffusion serve` on a free port; can be stopped and started again on the same one."""

    def __init__(self, *flags: str):
        self.port = free_port()
        self.flags = flags
        self.process = None
        self.start()

    @property
    def address(self) -> str:
        return f"{'https' if '--self-signed' in self.flags else 'http'}://localhost:{self.port}/"

    def start(self) -> None:
        OUT.mkdir(parents=True, exist_ok=True)
        self.log = (OUT / f"server-{self.port}.log").open("a")
        command = [str(PROGRAM), "serve", "--port", str(self.port), *self.flags]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}; see {self.log.name}")
            with contextlib.suppress(OSError):
                context = ssl._create_unverified_context() if self.address.startswith("https") else None
                with urllib.request.urlopen(self.address + "healthz", timeout=2, context=context) as answer:
                    if answer.status == 200:
                        return
            time.sleep(0.1)
        raise RuntimeError("the server does not answer")

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
    """Mean absolute difference of two looks, 0..255."""
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a)


class Page:
    """A browser with the page open."""

    def __init__(self, address: str, size=(1280, 800), phone=False, dark=False, scale=1.0, camera=True):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                 "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
                 "--use-fake-device-for-media-stream", "--ignore-certificate-errors",
                 f"--window-size={size[0]},{size[1] + 140}"]
        flags.append("--use-fake-ui-for-media-stream" if camera else "--deny-permission-prompts")
        for flag in flags:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.address = address
        self.messages: list[str] = []
        command = self.driver.execute_cdp_cmd
        command("Emulation.setDeviceMetricsOverride",
                {"width": size[0], "height": size[1], "deviceScaleFactor": scale, "mobile": phone})
        command("Emulation.setTouchEmulationEnabled", {"enabled": phone})
        command("Emulation.setEmulatedMedia",
                {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.driver.get(address)

    def close(self) -> None:
        self.driver.quit()

    def find(self, selector: str):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def run(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def click(self, selector: str) -> None:
        self.find(selector).click()

    def look(self, canvas="picture") -> list[int]:
        return self.run(LOOK, canvas)

    @property
    def shown(self) -> int:
        return int(self.run("return document.getElementById('picture').dataset.live ?? 0"))

    @property
    def state(self) -> str:
        return self.find("#state-text").text

    def wait(self, condition, what: str, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        self.shoot("failed")
        raise AssertionError(f"waited {patience:.0f} s in vain: {what} (state: {self.state}, shown: {self.shown})")

    def settle(self, quiet=0.8) -> list[int]:
        """The picture once no further one has come for a while."""
        deadline = time.monotonic() + PATIENCE
        count, since = self.shown, time.monotonic()
        while time.monotonic() < deadline:
            if self.shown != count:
                count, since = self.shown, time.monotonic()
            elif time.monotonic() - since > quiet and count > 0:
                return self.look()
            time.sleep(0.05)
        raise AssertionError("pictures keep coming")

    def started(self) -> None:
        self.wait(lambda: self.shown > 0, "the first picture")
        self.wait(lambda: not self.run("return document.getElementById('invite').hidden"), "the invitation to draw")

    def stroke(self, *points: tuple[float, float]) -> None:
        """Draws on the paper by the mouse; places in shares of its width and height."""
        paper = self.find("#paper")
        size = paper.size
        places = [((x - 0.5) * size["width"], (y - 0.5) * size["height"]) for x, y in points]
        actions = ActionChains(self.driver, duration=30)
        actions.move_to_element_with_offset(paper, round(places[0][0]), round(places[0][1])).click_and_hold()
        for x, y in places[1:]:
            actions.move_to_element_with_offset(paper, round(x), round(y))
        actions.release().perform()

    def prompt(self, text: str) -> None:
        field = self.find("#prompt")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text, Keys.ENTER)

    def complaints(self) -> list[str]:
        """Everything the console holds at the level of a warning or above."""
        self.messages += [m["message"] for m in self.driver.get_log("browser") if m["level"] in ("WARNING", "SEVERE")]
        return self.messages

    def shoot(self, name: str) -> None:
        OUT.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(OUT / f"{name}.png"))


class PageTest(unittest.TestCase):
    """One server for the tests of a class; the pages of a test are closed at its end."""

    flags: tuple[str, ...] = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(*cls.flags)
        cls.addClassCleanup(cls.server.stop)

    def open(self, path="", **kind) -> Page:
        page = Page(self.server.address + path, **kind)
        self.addCleanup(page.close)
        return page

    def assert_differ(self, a, b, least=2.0) -> None:
        self.assertGreater(difference(a, b), least)
