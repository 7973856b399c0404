"""Writes words.json of a model's folder: emoji, and words of everyday English and of other languages,
each with the concept that the model was trained on. The page looks words up in it.

`common_words.tsv` has the words of everyday things, and comes first: of a row with "~", they count where
nothing else is named ("happy" alone is a face, "happy cat" a cat); a word with "!" counts on a page in
its language alone ("Boot!": a boot is none in German). All others are names and keywords of
emoji in Unicode CLDR (Debian's unicode-cldr-core), and for emoji that are newer than that, names in the
Python package `emoji`. A keyword leads to a concept where it is a word of its name, or where no more than
two concepts have it; any other is too vague, and better unknown."""

import argparse
import csv
import functools
import json
import re
import unicodedata
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import emoji

from . import runtime

LANGUAGES = ("en", "de", "es", "fr", "it", "pt", "ja", "ko", "zh", "zh_Hant")
SUGGESTED = ("en", "de", "es", "fr", "ja", "zh")  # the page's own: also what a vague word may mean
COMMON_WORDS = Path(__file__).with_name("common_words.tsv")
CLDR = Path("/usr/share/unicode/cldr/common")
CLIP = runtime.REPOSITORY / "data" / "clip" / "merges.txt"
FREQUENT = 9000  # English words
VARIATION_SELECTOR = "\ufe0f"

COLORS = {  # in LANGUAGES, all genders
    "red": "rot rote roter rotes roten rojo roja rojos rojas rouge rouges rosso rossa vermelho vermelha "
           "赤 赤い 빨간 红 红色 紅色",
    "orange": "orangefarben naranja naranjas arancione laranja オレンジ 주황색 橙 橙色",
    "yellow": "gelb gelbe gelber gelbes gelben amarillo amarilla amarillos amarillas jaune jaunes giallo "
              "gialla amarelo amarela 黄 黄色い 노란 黄色",
    "green": "grün grüne grüner grünes grünen verde verdes vert verte verts vertes 緑 緑の 초록 绿 绿色",
    "blue": "blau blaue blauer blaues blauen azul azules bleu bleue bleus bleues blu azzurro 青 青い "
            "파란 蓝 蓝色 藍色",
    "purple": "lila violett violette morado morada violet violette viola roxo roxa 紫 紫の 보라색 紫色",
    "pink": "rosa rosafarben pinke ピンク 분홍 粉色 粉红 粉红色",
    "black": "schwarz schwarze schwarzer schwarzes schwarzen negro negra negros negras noir noire noirs "
             "noires nero nera preto preta 黒 黒い 검은 黑 黑色",
    "white": "weiß weiss weiße weißer weißes weißen blanco blanca blancos blancas blanc blanche blancs "
             "blanches bianco bianca branco branca 白 白い 하얀 白色",
    "brown": "braun braune brauner braunes braunen marrón marron marrone castanho 茶色 갈색 棕色",
    "gray": "grey grau graue grauer graues grauen gris grise grigio grigia cinza 灰色 회색"}
PEOPLE = re.compile(r"^(man|men|woman|women|person|people|face|bald|old|head)\b")
NO_HEADS = set("face done away suit up down left right decreasing increasing position cookie "
               "office index rail way green lip pot mark board score track piece machine liquid tube "
               "head stop root finger salute polish tabs arrival departure racing".split())
LONGEST = 7  # words of a phrase that the page looks up
VAGUE = 2  # the tier of keywords that only tell of what is around a thing
MOST_CONCEPTS = 2  # of such a keyword: one of more says nothing
# What people and hands do, signs and shapes: their keywords tell of all that is around them.
TANGENTIAL = re.compile(r"^(man|men|woman|women|person|people|mx|mrs)\b|\b(hand|hands|finger|fist|tone|"
                        r"face|monkey|square|circle|diamond|button|mark|feeding|gesture|moon|clock)\b")


DIMINUTIVES = (("ito", "o"), ("ita", "a"), ("inho", "o"), ("inha", "a"))


def spelled(text):
    """A word as the page suggests it: in lower case, with its accents."""
    return " ".join(unicodedata.normalize("NFC", text.lower()).replace("’", "'").split())


def plain(text):
    """As the page compares words: lower case, without accents, hyphens and middle dots as spaces."""
    folded = unicodedata.normalize("NFKC", text.lower()).replace("ß", "ss").replace("’", "'")
    folded = "".join(c for c in unicodedata.normalize("NFD", folded)
                     if not "\u0300" <= c <= "\u036f")
    return " ".join(unicodedata.normalize("NFC", folded).replace("-", " ").replace("・", " ").split())


def is_symbol(symbol):
    """Whether it is no flag: a name of a country is no name of a thing."""
    return not any("\U0001f1e6" <= c <= "\U0001f1ff" for c in symbol)


def names_of(symbol, language):
    """Names of an emoji in the package: its own, and in English its aliases."""
    data = emoji.EMOJI_DATA[symbol]
    names = [data.get(language.removesuffix("_Hant"), "")]
    names += data.get("alias", []) if language == "en" else []
    return [name.strip(":").replace("_", " ").replace("’", "'").lower() for name in names if name]


def descriptions(name):
    """Concepts that an English name of an emoji may be: as it is, or as captions say the same."""
    yield re.sub(r" (\S+ skin tone)$", r" with \1", name)
    if name.endswith("o'clock"):
        yield f"clock showing {name}"
    if person := re.fullmatch(r"(man|woman|person)(?: (\S+ skin tone))? (bald|beard|\w+ hair)", name):
        who, tone, trait = person.groups()
        looks = f"bald {who}" if trait == "bald" else f"{who} with {'a ' * (trait == 'beard')}{trait}"
        yield looks + (f" {'with' if trait == 'bald' else 'and'} {tone}" if tone else "")


def emoji_concepts(concepts):
    """{emoji: concept}, for those whose English name or alias is a concept."""
    known, found = set(concepts), {}
    for symbol in filter(is_symbol, emoji.EMOJI_DATA):
        for name in names_of(symbol, "en"):
            for concept in filter(known.__contains__, descriptions(name)):
                found.setdefault(symbol.replace(VARIATION_SELECTOR, ""), concept)
    return found


def annotations(folder, language):
    """{emoji: (names, keywords)} of CLDR."""
    found = defaultdict(lambda: ([], []))
    for part in ("annotations", "annotationsDerived"):
        for entry in ElementTree.parse(folder / part / f"{language}.xml").iter("annotation"):
            names, keywords = found[entry.get("cp").replace(VARIATION_SELECTOR, "")]
            texts = [text.strip() for text in (entry.text or "").split("|")]
            (names if entry.get("type") == "tts" else keywords).extend(texts)
    return found


def is_word(key):
    """Whether a key says anything: no numbers, no single letters, no signs."""
    if not all(c.isalnum() or c in " '・ー" for c in key):
        return False
    ideograph = any("\u3400" <= c <= "\u9fff" for c in key)
    return len(key.split()) <= LONGEST and (ideograph or len(key) > (1 if not key.isascii() else 2))


def ends_name(keyword, name, language):
    """Whether a keyword is what a name is at heart: "Blüte" of Kirschblüte, "pomme" of pomme rouge."""
    if language in ("de", "ja", "ko", "zh", "zh_Hant"):
        return name.endswith(keyword) or name.split()[0] == keyword
    return language != "en" and name.split()[0] == keyword


def length(name):
    """Of a name: in words, or in signs where it has no spaces."""
    return len(name) if name.isascii() is False and " " not in name else len(name.split())


def language_words(found, entries, language, rank):
    """{word: (tier, length of the name, rank, concept, spelling)} of a language; the least is best."""
    best, vague = {}, defaultdict(set)

    def offer(word, *value):
        key, value = plain(word), (*value, spelled(word))
        if is_word(key) and (key not in best or value < best[key]):
            best[key] = value

    for symbol, concept in found.items():
        names, keywords = entries.get(symbol, ([], []))
        if concept.endswith(" suit"):  # of cards: named after hearts and flowers
            continue
        names = names or ([] if language == "zh_Hant" else names_of(symbol, language))
        names = [re.sub(r"\(.*?\)", "", name) for name in names]
        nouns = [word for word in keywords if language != "de" or word[:1].isupper()]
        for name in names:
            offer(name, 0, length(plain(name)), rank[concept], concept)
        for keyword in [] if TANGENTIAL.search(concept) else nouns:
            if names and ends_name(plain(keyword), plain(names[0]), language):
                offer(keyword, 1, length(plain(names[0])), rank[concept], concept)
        for keyword in keywords if language in SUGGESTED else ():
            vague[plain(keyword)].add(concept)
    for keyword, concepts in vague.items():
        if len(concepts) <= MOST_CONCEPTS and not any(map(TANGENTIAL.search, concepts)):
            concept = min(concepts, key=rank.get)
            offer(keyword, VAGUE, 0, rank[concept], concept)
    return best


def heads(concepts):
    """{word: concept} of English words that end a name of two: "glove" is a boxing glove."""
    known, best = set(concepts), {}
    for concept in concepts:
        words = concept.split()
        is_head = (len(words) == 2 and not PEOPLE.search(concept) and
                   not {words[1], words[1] + "s"} & (known | NO_HEADS))
        if is_head and len(words[1]) > 2:
            best.setdefault(words[1], concept)
    return best


def moods(concepts):
    """{word: concept} of faces: "crying" is the crying face."""
    return {words[0]: concept for concept in concepts
            if len(words := concept.split()) == 2 and words[1] == "face" and words[0] not in concepts}


def common_words(file):
    """{word: concept} of the file: of English, of other languages, those that count alone, and by
    language those that mean another thing elsewhere."""
    english, other, alone, elsewhere = {}, {}, {}, defaultdict(dict)
    with file.open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            concept = row.pop("concept")
            for language, texts in row.items():
                into = alone if concept.startswith("~") else english if language == "en" else other
                for word in filter(None, texts.split("/")):
                    table = elsewhere[language] if word.endswith("!") else into
                    table.setdefault(word.lower().removesuffix("!"), concept.removeprefix("~"))
    return english, other, alone, elsewhere


@functools.cache
def english_words(merges):
    """Frequent English words, by the merges of CLIP's tokenizer, which are ordered by frequency."""
    lines = (line.split() for line in merges.read_text(encoding="utf-8").splitlines())
    words = [left + right.removesuffix("</w>") for left, right in (line for line in lines if len(line) == 2)
             if right.endswith("</w>")]
    return set([word for word in words if word.isalpha() and len(word) > 2][:FREQUENT])


def foreign_words(found, folder, rank, spoken):
    """Words of other languages, and those that are too vague: {word: (concept, spelling)} each.

    A word that is English, too, is vague, but for those of COMMON_WORDS."""
    clear, vague = {}, {}
    for language in LANGUAGES:
        offers = language_words(found, annotations(folder, language), language, rank)
        for word, (tier, *rest, concept, spelling) in offers.items():
            is_english = language == "en" or word in spoken or word in english_words(CLIP)
            into = vague if is_english or tier == VAGUE else clear
            if word not in into or (tier, *rest) < into[word][0]:
                into[word] = ((tier, *rest), concept, spelling)
    return ({w: value[1:] for w, value in entries.items()} for entries in (clear, vague))


def is_form(word, known):
    """Whether a word is a plural or diminutive of one of these: it leads where they do."""
    ends = [*((end, "") for end in ("s", "e", "n")), *DIMINUTIVES]
    return any(word.endswith(end) and word.removesuffix(end) + base in known for end, base in ends)


def accented(other, frequent):
    """Takes from `other` what is an English word without its accents: it counts as written only."""
    return {word: other.pop(word) for word in list(other) if plain(word) != word and plain(word) in frequent}


def table(concepts, found, folder):
    """The tables of words.json, each from words to concepts."""
    rank = {concept: i for i, concept in enumerate(concepts)}
    english, other, alone, elsewhere = common_words(COMMON_WORDS)
    own = {plain(concept) for concept in concepts}
    spoken = {word for concept in own for word in concept.split()}  # the model was trained on them
    clear, near = foreign_words(found, folder, rank, spoken)
    english = {word: concept for word, concept in heads(concepts).items() if word not in alone} | english
    colors = {word: color for color, names in COLORS.items() for word in names.split()}
    written = accented(other, english_words(CLIP))
    common = {plain(word) for word in other}
    moody = {plain(word) for word in alone}
    clear = {word: meaning for word, meaning in clear.items()
             if word not in moody and not is_form(word, common)}
    meanings = clear | {plain(word): (concept, word) for word, concept in (other | colors).items()}
    spelling = {word: written for word, (_, written) in meanings.items()}
    other = {word: concept for word, (concept, _) in meanings.items()}
    tables = {"words": english, "other": other, "written": written, "alone": moods(concepts) | alone,
              "near": {word: concept for word, (concept, _) in near.items() if " " not in word}}
    taken = set(own)
    for name, entries in tables.items():
        tables[name] = {word: entries[word] for word in sorted(entries) if word not in taken}
        taken |= tables[name].keys()
    tables["other"] = {spelling[word]: concept for word, concept in tables["other"].items()}
    return tables | elsewhere


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cldr", type=Path, default=CLDR, help=f"CLDR's folder `common` ({CLDR})")
    parser.add_argument("--model", type=Path, default=runtime.REPOSITORY / "models" / "pictogram")
    args = parser.parse_args()
    for language in LANGUAGES:
        emoji.config.load_language(language.removesuffix("_Hant"))
    concepts = json.loads((args.model / "concepts.json").read_text())["concepts"]
    found = emoji_concepts(concepts)
    tables = table(concepts, found, args.cldr)
    text = json.dumps({"emoji": found, **tables}, ensure_ascii=False, separators=(",", ":"))
    (args.model / "words.json").write_text(text + "\n")
    missing = sorted(set(concepts) - set(found.values()))
    counts = ", ".join(f"{len(entries)} {name}" for name, entries in tables.items())
    print(f"{len(found)} emoji, {counts}, {len(text.encode()) // 1024} KiB; "
          f"{len(missing)} concepts without an emoji, such as {', '.join(missing[:5])}")


if __name__ == "__main__":
    main()
