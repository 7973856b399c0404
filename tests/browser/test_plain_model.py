"""A model whose folder says nothing to the page: nothing of the included model's words is left on it."""
import json
import pathlib
import shutil
import tempfile

import page_texts
from harness import PageTest

PICTOGRAM = pathlib.Path(__file__).resolve().parents[2] / "models" / "pictogram"
FOR_THE_PAGE = ("page.json", "words.json", "concepts.json")
PROMPT = "return document.getElementById('prompt').value"

# All that can be seen or is said.
VISIBLE = """
const texts = [document.body.innerText];
for (const name of arguments[0]) {
  for (const e of document.querySelectorAll(`[${name}]`)) {
    if (e.checkVisibility()) texts.push(e.getAttribute(name));
  }
}
for (const e of document.querySelectorAll('input[type=text]')) texts.push(e.value);
return texts.join('\\n').toLowerCase();
"""


def copy_without_words(target: pathlib.Path) -> None:
    """The included model as any other in diffusers' layout."""
    shutil.copytree(PICTOGRAM, target, ignore=shutil.ignore_patterns(*FOR_THE_PAGE))


class OwnWords(PageTest):
    """A model that knows other things than the page's doodles."""
    hints = {"concepts": ["dog"], "opening": ["dog, oil painting"]}

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        model = pathlib.Path(folder.name) / "own"
        copy_without_words(model)
        words = {"concepts": ["cat", "dog"], "styles": ["oil painting"], "colors": ["red"]}
        (model / "concepts.json").write_text(json.dumps(words))
        (model / "page.json").write_text(json.dumps(cls.hints))
        cls.flags = ("--model", str(model))
        super().setUpClass()

    def check(self, opening: str) -> None:
        page = self.open()
        page.started()
        for key in ("", "d", "d"):  # examples
            page.press(key)
            page.settle()
            self.assertEqual(page.run(PROMPT), opening)
            self.assertEqual(self.sent_prompt(), opening)
            self.assertEqual(page.find("#unknown").text, "")

    def test_the_page_opens_with_what_the_model_says(self):
        self.check("dog, oil painting")


class OwnWordsAlone(OwnWords):
    hints = {}

    def test_the_page_opens_with_what_the_model_says(self):
        self.check("cat")


class PlainModel(PageTest):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        model = pathlib.Path(folder.name) / "plain"
        copy_without_words(model)
        recipe = model / "streamdiffusion.json"
        options = json.loads(recipe.read_text()) | {"prompt": "a lighthouse at night"}
        recipe.write_text(json.dumps(options))
        cls.flags = ("--model", str(model))
        super().setUpClass()

    def foreign(self, page) -> list[str]:
        """What only the included model has and the page shows nevertheless."""
        hints = json.loads((PICTOGRAM / "page.json").read_text())
        styles = json.loads((PICTOGRAM / "concepts.json").read_text())["styles"]
        words = [*styles, hints["camera"]["note"], "all things", "things the model knows", "styles"]
        seen = page.run(VISIBLE, page_texts.ATTRIBUTES)
        return [word for word in words if word.lower() in seen]

    def shows(self, page, name: str) -> bool:
        return page.run("return document.getElementById(arguments[0]).offsetParent !== null", name)

    def test_nothing_of_the_included_models_words_is_shown(self):
        page = self.open()
        page.started()
        page.settle()
        self.assertEqual(page.run(PROMPT), "cat face", "what the doodle shows, in no style")
        for name in ("things-open", "invite-things", "idea", "strength-best", "in-hint"):
            self.assertFalse(self.shows(page, name), name)
        self.assertEqual(page.find_all(".chips .chip"), [])
        self.assertEqual(self.foreign(page), [])
        page.click("#settings-open")
        page.screenshot("plain-model")
        self.assertEqual(page.console_problems(), [])

    def test_the_camera_starts_with_the_recipes_prompt_and_strength(self):
        page = self.open()
        page.started()
        strength = page.find("#strength").get_attribute("value")
        page.click("[data-source='camera']")
        page.wait_for_images(2, "image of the camera")
        self.assertEqual(page.run(PROMPT), "a lighthouse at night")
        self.assertEqual(page.find("#strength").get_attribute("value"), strength)
        self.assertEqual(self.foreign(page), [])
        page.click("[data-source='draw']")
        self.assertEqual(page.run(PROMPT), "cat face", "what is drawn")

    def test_every_word_is_taken_and_none_is_called_unknown(self):
        page = self.open()
        page.started()
        page.prompt("a cyberpunk lighthouse")
        page.wait(lambda: self.sent_prompt() == "a cyberpunk lighthouse", "prompt at the server")
        self.assertEqual(page.find("#unknown").text, "")

    def test_the_recipes_prompt_is_the_default(self):
        page = self.open("#source=words")
        page.wait_for_images(1, "image of the prompt alone")
        self.assertEqual(page.run(PROMPT), "a lighthouse at night")
