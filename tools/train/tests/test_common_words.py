"""Checks common_words.tsv: python -m unittest discover tests."""

import csv
import json
import unicodedata
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TABLE = ROOT / "tools" / "train" / "pictogram" / "common_words.tsv"
MODEL = ROOT / "models" / "pictogram"


def bare(word):
    """Without accents and hyphens: languages that differ in them alone share an entry."""
    letters = unicodedata.normalize("NFD", word.replace("-", " "))
    return unicodedata.normalize("NFC", "".join(c for c in letters if not "\u0300" <= c <= "\u036f"))


class CommonWords(unittest.TestCase):
    """The words of everyday things."""

    def setUp(self):
        with TABLE.open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file, delimiter="\t"))
        self.concepts = json.loads((MODEL / "concepts.json").read_text(encoding="utf-8"))["concepts"]

    def pairs(self):
        """[word, concept] of all rows, as they are written."""
        for row in self.rows:
            concept = row["concept"].removeprefix("~")
            for language, words in row.items():
                if language != "concept":
                    yield from ((word.lower(), concept) for word in words.split("/")
                                if word and not word.endswith("!"))

    def test_every_row_has_a_concept_and_all_columns(self):
        """A typing error in the first column would drop a whole row."""
        for row in self.rows:
            self.assertIn(row["concept"].removeprefix("~"), self.concepts)
            self.assertNotIn(None, row.values(), row["concept"])
            self.assertNotIn(None, row, row["concept"])

    def test_no_word_leads_to_two_concepts_or_hides_another(self):
        """The page takes one meaning."""
        seen = {}
        for word, concept in self.pairs():
            self.assertEqual(seen.setdefault(word, concept), concept, word)
            self.assertTrue(word not in self.concepts or word == concept, word)

    def test_words_json_was_made_of_it(self):
        """After a change: python -m pictogram.page_words."""
        tables = json.loads((MODEL / "words.json").read_text(encoding="utf-8"))
        meant = {bare(word): concept for name in ("alone", "other", "words", "written")
                 for word, concept in tables[name].items()}
        self.assertLessEqual({"schlüssel", "écureuil", "arc-en-ciel"}, tables["other"].keys())
        pairs, names = list(self.pairs()), set(map(bare, self.concepts))
        self.assertGreater(len(pairs), 1500)
        for word, concept in pairs:
            self.assertEqual(concept if bare(word) in names else meant.get(bare(word)), concept, word)


if __name__ == "__main__":
    unittest.main()
