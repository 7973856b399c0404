"""Stage 1: the vocabulary. Byte-level byte-pair encoding in CLIP's file format, learned from the
captions, alternative names and tags: 256 bytes, 256 bytes that end a word, merges, start, end."""

import json
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from . import runtime
from .architecture import TOKENS
from .backgrounds import NAMES
from .captions import STYLES
from .images import read_rows

START, END = "<|startoftext|>", "<|endoftext|>"
SIZE = 3072


def byte_characters():
    """The printable character of each byte, in CLIP's (GPT-2's) order."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in kept] + [chr(256 + k) for k in range(256 - len(kept))]


def corpus(rows):
    """Lines to learn merges from. Captions count more than tags."""
    for row in rows:
        yield from [row["caption"]] * 4
        yield from row.get("alt", [])
        yield from row.get("tags", [])
    for word in [*NAMES, *STYLES, "on a background", "and", "a drawing of"]:
        yield from [word] * 50


def learn_merges(lines, size):
    """The merges, most frequent first. Words are split as by transformers' CLIP tokenizer."""
    reference = CLIPTokenizer().backend_tokenizer
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = reference.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=3, end_of_word_suffix="</w>", show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(lines, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [tuple(m) if not isinstance(m, str) else tuple(m.split(" ")) for m in merges]


def write_tokenizer(folder, merges):
    """vocab.json, merges.txt, tokenizer_config.json, special_tokens_map.json."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    byte_tokens = byte_characters()
    tokens = byte_tokens + [c + "</w>" for c in byte_tokens] + ["".join(pair) for pair in merges]
    tokens = list(dict.fromkeys(tokens)) + [START, END]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    runtime.write_json(special, folder / "special_tokens_map.json")
    runtime.write_json({
        "tokenizer_class": "CLIPTokenizer", "model_max_length": TOKENS, "do_lower_case": True,
        "add_prefix_space": False, "errors": "replace", **special},
        folder / "tokenizer_config.json")
    return vocabulary


def load_tokenizer(work):
    """The trained tokenizer."""
    return CLIPTokenizer.from_pretrained(Path(work) / "tokenizer")


def tokenize(tokenizer, texts):
    """Token ids [B, TOKENS], truncated and padded as in the pipeline."""
    return tokenizer(texts, padding="max_length", max_length=TOKENS, truncation=True,
                     return_tensors="pt").input_ids


def main():
    """Command line."""
    parser = runtime.parser(__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="entries of the vocabulary")
    args = parser.parse_args()
    runtime.prepare(args)
    rows = read_rows(args.data)
    merges = learn_merges(corpus(rows), args.size - 258)[:args.size - 514]
    vocabulary = write_tokenizer(args.work / "tokenizer", merges)
    tokenizer = load_tokenizer(args.work)
    lengths = [len(tokenizer(row["caption"]).input_ids) for row in rows]
    text = "red apple, 3d render, on a light blue background"
    print(f"{len(vocabulary)} entries; captions take at most {max(lengths)} tokens, "
          f"{sum(lengths) / len(lengths):.1f} on average")
    print(tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids))


if __name__ == "__main__":
    main()
