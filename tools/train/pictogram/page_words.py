"""Writes words.json of a model's folder: emoji, and words of everyday English and of other languages,
each with the concept that the model was trained on. The page looks words up in it.

Names of emoji in other languages come from the Python package `emoji` (their source is Unicode CLDR);
English synonyms are the tags of the training images."""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import emoji

from . import runtime

LANGUAGES = ("de", "es", "fr", "it", "pt", "ja", "ko", "zh")
VARIATION_SELECTOR = "\ufe0f"
SYNONYMS = {  # what people type and no tag says
    "bunny": "rabbit face", "kitty": "cat face", "puppy": "dog face", "spaceship": "rocket",
    "forest": "evergreen tree", "wood": "evergreen tree", "portrait": "woman", "ocean": "water wave",
    "sea": "water wave", "car": "automobile", "bike": "bicycle", "plane": "airplane",
    "phone": "mobile phone", "smiley": "smiling face", "ship": "ship", "santa": "santa claus",
    "burger": "hamburger", "donut": "doughnut", "bunch of flowers": "bouquet", "flower": "blossom",
    "skull": "skull", "boat": "sailboat", "coffee": "hot beverage", "tea": "hot beverage",
    "beer": "beer mug", "wine": "wine glass", "cake": "birthday cake", "pumpkin": "jack-o-lantern"}

COLORS = {  # in LANGUAGES, all genders
    "red": "rot rote roter rotes roten rojo roja rouge rosso rossa vermelho vermelha 赤 赤い 빨간 红 红色",
    "orange": "orangefarben naranja arancione laranja オレンジ 주황색 橙 橙色",
    "yellow": "gelb gelbe gelber gelbes gelben amarillo amarilla jaune giallo gialla amarelo amarela "
              "黄 黄色い 노란 黄色",
    "green": "grün grüne grüner grünes grünen verde vert verte 緑 緑の 초록 绿 绿色",
    "blue": "blau blaue blauer blaues blauen azul bleu bleue blu azzurro 青 青い 파란 蓝 蓝色",
    "purple": "lila violett morado morada violet violette viola roxo roxa 紫 紫の 보라색 紫色",
    "pink": "rosa rosafarben pinke rose ピンク 분홍 粉色 粉红",
    "black": "schwarz schwarze schwarzer schwarzes schwarzen negro negra noir noire nero nera preto "
             "preta 黒 黒い 검은 黑 黑色",
    "white": "weiß weiss weiße weißer weißes weißen blanco blanca blanc blanche bianco bianca branco "
             "branca 白 白い 하얀 白色",
    "brown": "braun braune brauner braunes braunen marrón marron marrone castanho 茶色 갈색 棕色",
    "gray": "grau graue grauer graues grauen gris grise grigio grigia cinza 灰色 회색"}
MOST_CONCEPTS = 4  # of a tag: one of more is too vague to stand for one of them
VAGUE = {"cute", "pet", "adorbs", "lol", "nice", "new", "best", "big"}


def names_of(symbol, language):
    """Names of an emoji: its own, and in English its aliases."""
    data = emoji.EMOJI_DATA[symbol]
    names = [data.get(language, "")] + (data.get("alias", []) if language == "en" else [])
    return [name.strip(":").replace("_", " ").replace("’", "'").lower() for name in names if name]


def emoji_concepts(concepts):
    """{emoji: concept}, for those whose English name or alias is a concept."""
    known, found = set(concepts), {}
    for symbol in emoji.EMOJI_DATA:
        for name in names_of(symbol, "en"):
            if name in known:
                found.setdefault(symbol.replace(VARIATION_SELECTOR, ""), name)
    return found


def tag_concepts(rows, concepts):
    """{tag: concept}: the most frequent concept of each tag, where the tag is no known word."""
    rank = {concept: i for i, concept in enumerate(concepts)}
    words = {word for concept in concepts for word in concept.split()}
    by_tag = defaultdict(set)
    for row in rows:
        for tag in [*row.get("tags", []), *row.get("alt", [])]:
            if row["caption"] in rank and tag.lower() not in words | VAGUE:
                by_tag[tag.lower()].add(row["caption"])
    return {tag: min(found, key=rank.get) for tag, found in by_tag.items() if len(found) <= MOST_CONCEPTS}


def foreign_words(found, concepts):
    """{word of another language: concept}. The more frequent concept has the word."""
    rank = {concept: i for i, concept in enumerate(concepts)}
    words = {}
    for language in LANGUAGES:
        for symbol in sorted(emoji.EMOJI_DATA, key=lambda s: rank.get(found.get(
                s.replace(VARIATION_SELECTOR, "")), len(rank))):
            concept = found.get(symbol.replace(VARIATION_SELECTOR, ""))
            for name in names_of(symbol, language) if concept else []:
                words.setdefault(name, concept)
    return words


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="unpacked pictograms.tar.xz")
    parser.add_argument("--model", type=Path, default=runtime.REPOSITORY / "models" / "pictogram")
    args = parser.parse_args()
    for language in LANGUAGES:
        emoji.config.load_language(language)
    concepts = json.loads((args.model / "concepts.json").read_text())["concepts"]
    rows = [json.loads(line) for line in (args.data / "captions.jsonl").read_text().splitlines()]
    found = emoji_concepts(concepts)
    words = foreign_words(found, concepts) | tag_concepts(rows, concepts)
    words |= {word: color for color, names in COLORS.items() for word in names.split()}
    words |= {word: concept for word, concept in SYNONYMS.items() if concept in set(concepts)}
    words = {word: concept for word, concept in words.items() if word not in set(concepts)}
    text = json.dumps({"emoji": found, "words": dict(sorted(words.items()))}, ensure_ascii=False,
                      separators=(",", ":"))
    (args.model / "words.json").write_text(text + "\n")
    missing = sorted(set(concepts) - set(found.values()))
    print(f"{len(found)} emoji, {len(words)} words, {len(text.encode()) // 1024} KiB; "
          f"{len(missing)} concepts without an emoji, such as {', '.join(missing[:5])}")


if __name__ == "__main__":
    main()
