"""The English texts of the page, as its sources have them: what every language has to translate."""
import html.parser
import json
import pathlib
import re

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"
ATTRIBUTES = ("aria-label", "data-tip", "data-drop-text", "title", "placeholder", "alt")
# What is the same in every language.
NAMES = {"StreamDiffusion", "fps", "ms", "–", "0", "0:00", "GIF", "MIDI"}
CALL = re.compile(r"\bt\(\s*((?:\"(?:[^\"\\]|\\.)*\"(?:\s*\+\s*)?|'[^']*')+)")
STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'")
# Constants that hold texts for t(), which extract() reads by their names.
TABLES = {
    "palette.js": r"export const PALETTE = \[(.*?)\];", "shortcuts.js": r"new KeyBindings\(\[(.*?)\], dialog",
    "settings_panel.js": r"const EVERYDAY = \{(.*?)\n\};", "status_bar.js": r"const STATE_TEXTS = \{(.*?)\};",
    "strength_slider.js": r"const NAMES = \{(.*?)\};", "sources.js": r"const CAMERA_ERRORS = \{(.*?)\};",
    "midi_panel.js": r"const OBSTACLES = \{(.*?)\n\};",
}


def plain(text: str) -> str:
    return " ".join(text.split())


class DocumentTexts(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.texts: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.texts |= {plain(value) for name, value in attrs if name in ATTRIBUTES and value}

    def handle_data(self, data):
        if plain(data) and self.get_starttag_text() not in ("<title>",):
            self.texts.add(plain(data))


def strings(source: str) -> list[str]:
    return [a or b for a, b in STRING.findall(source)]


def texts_of_table(name: str, source: str) -> set[str]:
    [table] = re.findall(TABLES[name], source, re.DOTALL)
    found = strings(table)
    if name == "shortcuts.js":  # keys, text, names of the keys
        return {text for row in re.findall(r"\[(\"[^\n]*?), \[", table) for text in strings(row)[1:2]}
    if name == "palette.js":
        return {text for text in found if not text.startswith("#")}
    return set(found)


def extract() -> set[str]:
    """All texts, without those that are the same in every language."""
    document = DocumentTexts()
    document.feed((WEB / "index.html").read_text())
    found = document.texts
    for path in WEB.glob("*.js"):
        source = path.read_text()
        found |= {"".join(strings(call)) for call in CALL.findall(source)}
        for call in re.findall(r"\blines\(((?:\"[^\"]*\",?\s*)+)\)", source):
            found |= set(strings(call))
        if path.name in TABLES:
            found |= texts_of_table(path.name, source)
    return found - NAMES - {""}


def translations() -> dict:
    return json.loads((WEB / "translations.json").read_text())
