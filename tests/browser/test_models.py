"""A server beside whose model others are installed: the page offers them, and a stream changes over."""
import os
import pathlib
import shutil
import tempfile

from harness import PageTest

PICTOGRAM = pathlib.Path(__file__).resolve().parents[2] / "models" / "pictogram"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Models(PageTest):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        repository = pathlib.Path(folder.name) / "hub" / "models--org--other"
        shutil.copytree(PICTOGRAM, repository / "snapshots" / COMMIT)
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

    def test_a_choice_changes_the_model_of_the_running_stream(self):
        page = self.open()
        page.started()
        page.settle()
        page.open_settings()
        options = [option.text for option in page.find_all("#setting-model option")]
        self.assertEqual(options, ["pictogram", "org/other"])
        page.run("""
            const select = document.getElementById("setting-model");
            select.value = "org/other";
            select.dispatchEvent(new Event("change"));""")
        page.wait(lambda: self.session().get("params", {}).get("model") == "org/other", "other model")
        page.wait(lambda: "org/other" in page.find("#stat-engine").get_attribute("textContent"), "its name")
        page.wait_for_images(1, "image of the other model")
        self.assertEqual(page.console_problems(), [])
