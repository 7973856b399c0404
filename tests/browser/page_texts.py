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
    "settings_panel.js": r"const EVERYDAY = \{(.*?)\n\};",
    "status_bar.js": r"const (?:STATE_TEXTS|DROP_CAUSES) = \{(.*?)\n\};",
    "strength_slider.js": r"const NAMES = \{(.*?)\};", "sources.js": r"const CAMERA_ERRORS = \{(.*?)\};",
    "midi_panel.js": r"const OBSTACLES = \{(.*?)\n\};",
}
COMMENT = re.compile(r"/\*.*?\*/|(?:^|\s)//[^\n]*", re.DOTALL | re.MULTILINE)
LITERAL = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'([^'\n]*)'|`([^`]*)`")
HOLE = re.compile(r"\$\{(?:[^{}]|\{[^{}]*\})*\}|\$\{t\(.*?\)\}")  # of a template literal
# Literals that look like words for people.
PROSE = re.compile(r"[A-Za-z]{2,}[.,;:!?…]? [A-Za-z]{2,}|^[A-Z][a-z]+$")
# These are none, or not for visitors: words of models, keys, headers, CSS, and the console's.
NOT_SHOWN_FILES = {"demo_doodles.js", "vocabulary.js", "word_table.js"}
NOT_SHOWN = {
    "(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)", "16px sans-serif", "Enter",
    "Content-Type", "Escape", "Files", "an image could not be decoded", "button button-main",
    "button, input, a, summary", "field field-switch", "field-hint field-words", "first image",
    "light green",
    "input:not([type=range],[type=checkbox],[type=radio],[type=color]), textarea, select",
    "no MIDI: ${error.message}", "swatch swatch-custom", "tool field-reset",
    "translate(${left}px, ${top}px)",
}
# Parameters that the page shows by texts of its own, or not at all, are in these two of its tables.
EVERYDAY = r"const EVERYDAY = \{.*?\n(.*?)\n\};"
NOT_HERE = r"const SHOWN_ELSEWHERE = (\[.*?\];\nconst FOR_PROGRAMS = \[.*?\];)"


def plain(text: str) -> str:
    return " ".join(text.split())


class DocumentTexts(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.texts: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.texts |= {plain(value) for name, value in attrs if name in ATTRIBUTES and value}

    def handle_data(self, data):
        if plain(data):
            self.texts.add(plain(data))


def strings(source: str) -> list[str]:
    return [a or b for a, b in STRING.findall(source)]


def texts_of_table(name: str, source: str) -> set[str]:
    tables = re.findall(TABLES[name], source, re.DOTALL)
    assert tables, f"{name} has no table of texts"
    table = COMMENT.sub("", "\n".join(tables))
    found = strings(table)
    if name == "shortcuts.js":  # keys, text, names of the keys
        return {text for row in re.findall(r"\[(\"[^\n]*?), \[", table) for text in strings(row)[1:2]}
    if name == "palette.js":
        return {text for text in found if not text.startswith("#")}
    return set(found)


def extract() -> set[str]:
    """All texts, without those that are the same in every language."""
    document = DocumentTexts()
    for path in WEB.glob("*.html"):
        document.feed(path.read_text())
    found = document.texts
    for path in WEB.glob("*.js"):
        source = path.read_text()
        found |= {"".join(strings(call)) for call in CALL.findall(source)}
        for call in re.findall(r"\blines\(((?:\"[^\"]*\",?\s*)+)\)", source):
            found |= set(strings(call))
        if path.name in TABLES:
            found |= texts_of_table(path.name, source)
    return found - NAMES - {""}


def strays() -> list[str]:
    """Literals of the scripts that look like texts for visitors, and are not in the table."""
    known = extract() | NAMES | NOT_SHOWN
    found = []
    for path in sorted(WEB.glob("*.js")):
        if path.name in NOT_SHOWN_FILES:
            continue
        source = COMMENT.sub("", path.read_text())
        joined = re.sub(r"\"\s*\+\s*\"", "", source)
        for text in ("".join(parts) for parts in LITERAL.findall(joined)):
            if text not in known and PROSE.search(HOLE.sub("", text)):
                found.append(f"{path.name}: {text}")
    return found


def texts_of_parameters(schemas: dict) -> set[str]:
    """What the settings show of the server's schema: names of groups, titles and explanations."""
    source = (WEB / "settings_panel.js").read_text()
    everyday, elsewhere = (re.search(pattern, source, re.DOTALL).group(1)
                           for pattern in (EVERYDAY, NOT_HERE))
    own = set(re.findall(r"^  (\w+): \[", everyday, re.MULTILINE)) | set(strings(elsewhere))
    shown = [schema for name, schema in schemas.items() if name not in own]
    return {schema[key] for schema in shown for key in ("group", "title", "description")}


def translations() -> dict:
    return json.loads((WEB / "translations.json").read_text())
