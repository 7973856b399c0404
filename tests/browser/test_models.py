"""A server beside whose model others are installed: the page offers them, and a stream changes over."""
import os
import pathlib
import tempfile

from harness import PageTest
from test_plain_model import copy_without_words

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Models(PageTest):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        repository = pathlib.Path(folder.name) / "hub" / "models--org--other"
        copy_without_words(repository / "snapshots" / COMMIT)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(COMMIT)
        before = os.environ.get("HF_HOME")
        os.environ["HF_HOME"] = folder.name
        try:
            super().setUpClass()
        finally:
            os.environ.pop("HF_HOME")
            if before is not None:
                os.environ["HF_HOME"] = before

    def choose(self, page, model: str) -> None:
        page.run("""
            const select = document.getElementById("setting-model");
            select.value = arguments[0];
            select.dispatchEvent(new Event("change"));""", model)
        page.wait(lambda: self.session().get("params", {}).get("model") == model, "other model")

    def test_what_the_first_model_said_of_the_camera_goes_with_it(self):
        page = self.open()
        page.started()
        page.click("[data-source='camera']")
        page.wait(lambda: not page.is_hidden("in-hint"), "the first model's note")
        page.open_settings()
        self.choose(page, "org/other")
        page.wait(lambda: page.is_hidden("in-hint"), "no note of the other model")
        self.assertEqual(page.find_all(".chips .chip"), [])
        self.assertEqual(page.find("#prompt").get_attribute("value"), "red apple, 3d render")
        page.click("[data-source='draw']")
        self.assertEqual(page.find("#prompt").get_attribute("value"), "cat face, 3d render")
        self.choose(page, "pictogram")
        page.wait(lambda: page.find_all(".chips .chip"), "the first model's chips")
        self.assertEqual(page.console_problems(), [])

    def test_a_choice_changes_the_model_of_the_running_stream(self):
        page = self.open()
        page.started()
        page.settle()
        page.open_settings()
        options = [option.text for option in page.find_all("#setting-model option")]
        self.assertEqual(options, ["pictogram", "org/other"])
        self.choose(page, "org/other")
        page.wait(lambda: "org/other" in page.find("#stat-engine").get_attribute("textContent"), "its name")
        page.wait_for_images(1, "image of the other model")
        self.assertEqual(page.console_problems(), [])
