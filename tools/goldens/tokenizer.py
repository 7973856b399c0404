"""Writes tests/data/text/*: a small vocabulary in CLIP's format, and the token ids that
transformers' CLIPTokenizer computes with it for many strings, with several ways to declare special
tokens.

    python tools/goldens/tokenizer.py [--train captions.jsonl]

Without --train the existing vocabulary is kept and only tokens.json is written.
"""

import argparse
import json
import logging
import pathlib
import random
import tempfile

import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from tokenizer_prompts import PROMPTS, SPECIAL_PROMPTS, random_prompts

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "text"
MERGES = 1000
BOS, EOS = "<|startoftext|>", "<|endoftext|>"


def byte_characters():
    """GPT-2's printable character of each byte, in the order of CLIP's vocabulary ("!" is 0)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]


def train(captions):
    """Learn the vocabulary from the captions and the prompts that are not ASCII."""
    lines = [json.loads(line)["caption"] for line in open(captions, encoding="utf-8")]
    lines += [p for p in PROMPTS if not p.isascii()] * 3
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = CLIPTokenizer().backend_tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=512 + MERGES, end_of_word_suffix="</w>", show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(lines, trainer)
    merges = [tuple(m) for m in json.loads(tokenizer.to_str())["model"]["merges"]][:MERGES]
    tokens = byte_characters() + [c + "</w>" for c in byte_characters()]
    tokens += [a + b for a, b in merges] + [BOS, EOS]
    assert len(set(tokens)) == len(tokens)
    vocab = {token: i for i, token in enumerate(tokens)}
    (FOLDER / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")) + "\n")
    (FOLDER / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))


def token(content, **flags):
    """An added token as tokenizer_config.json describes it."""
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False, **flags}


def config_token(content):
    return {"__type": "AddedToken", **token(content)}


SD15_CONFIG = {"bos_token": config_token(BOS), "eos_token": config_token(EOS), "unk_token": config_token(EOS),
               "pad_token": EOS, "model_max_length": 77, "do_lower_case": True, "tokenizer_class": "CLIPTokenizer"}
SD15_SPECIAL = {"bos_token": token(BOS), "eos_token": token(EOS), "unk_token": token(EOS), "pad_token": EOS}
EXACT = {"normalized": False, "special": True}
TINY = {"a": 0, "b": 1, "a</w>": 2, "b</w>": 3, "ab</w>": 4, "ab": 5, BOS: 6, EOS: 7}

# Each variant has a name and its files; "prompts" asks for the long list of prompts. "form" is the
# form of the vocabulary: "files" is vocab.json and merges.txt; "pairs" and "strings" are
# tokenizer.json alone, with its merges in that form.
VARIANTS = [
    {"name": "sd15", "prompts": "all", "form": "files", "config": SD15_CONFIG, "special": SD15_SPECIAL},
    {"name": "sd21", "form": "files", "config": {**SD15_CONFIG, "pad_token": "!"},
     "special": {**SD15_SPECIAL, "pad_token": "!"}},
    {"name": "sdxl_second", "form": "files",
     "config": {"bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": "!", "model_max_length": 77,
                "tokenizer_class": "CLIPTokenizer",
                "added_tokens_decoder": {"0": token("!", **EXACT), "1512": token(BOS, **EXACT),
                                         "1513": token(EOS, **EXACT)}},
     "special": {**SD15_SPECIAL, "pad_token": "?"}},
    {"name": "bare", "form": "files", "length": 20},
    {"name": "saved_by_transformers_5", "form": "pairs",
     "config": {"backend": "tokenizers", "bos_token": BOS, "eos_token": EOS, "pad_token": EOS, "unk_token": EOS,
                "is_local": True, "model_max_length": 1000000000000000019884624838656,
                "tokenizer_class": "CLIPTokenizer", "errors": "replace"},
     "added": [{"id": 1512, **token(BOS, **EXACT)}, {"id": 1513, **token(EOS, **EXACT)}]},
    {"name": "tokenizer_json_alone", "form": "strings",
     "added": [{"id": 1512, **token(BOS, special=True)}, {"id": 1513, **token(EOS, special=True)}]},
    {"name": "user_tokens", "form": "files", "config": {"model_max_length": 16}, "special": SD15_SPECIAL,
     "added_json": {"<my-cat>": 1514, "<My-Style>": 1515}},
    {"name": "user_tokens_with_flags", "form": "files",
     "config": {"model_max_length": 16, "added_tokens_decoder": {
         "1512": token(BOS), "1513": token(EOS),
         "1514": token("cat", single_word=True, normalized=False, special=False),
         "1515": token("Dog", single_word=True, special=False), "1516": token("dogma", special=False)}}},
    {"name": "later_flags_hold", "form": "files",
     "config": {"model_max_length": 16, "eos_token": EOS, "pad_token": config_token(EOS),
                "additional_special_tokens": ["<old>"], "extra_special_tokens": [config_token(BOS), "<My-Style>"]},
     "special": {"mask_token": "<my-cat>"}},
    {"name": "late_special_token", "form": "files", "config": {"model_max_length": 16},
     "special": {"additional_special_tokens": ["cat"], "unk_token": "<|unknown|>"}, "added_json": {EOS: 1513, "cat": 1514}},
    {"name": "unknown_symbols", "form": "files", "vocab": TINY, "merges": [("a", "b</w>"), ("a", "b")],
     "config": {"model_max_length": 12}},
]


def write_files(folder, variant, vocab, merges):
    """Write the variant's tokenizer files."""
    if variant["form"] == "files":
        (folder / "vocab.json").write_text(json.dumps(vocab))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    else:
        joined = [" ".join(m) for m in merges] if variant["form"] == "strings" else merges
        model = {"type": "BPE", "dropout": None, "unk_token": EOS, "continuing_subword_prefix": "",
                 "end_of_word_suffix": "</w>", "fuse_unk": False, "vocab": vocab, "merges": joined}
        (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": variant["added"],
                                                           "model": model}))
    for key, name in [("config", "tokenizer_config"), ("special", "special_tokens_map"), ("added_json", "added_tokens")]:
        if key in variant:
            (folder / f"{name}.json").write_text(json.dumps(variant[key]))


def expected_rows(variant, vocab, merges):
    """The variant's properties, and rows of [prompt, tokens cut off, ids without padding]."""
    prompts = PROMPTS + SPECIAL_PROMPTS + random_prompts(400) if variant.get("prompts") else SPECIAL_PROMPTS
    with tempfile.TemporaryDirectory() as name:
        write_files(pathlib.Path(name), variant, vocab, merges)
        tokenizer = CLIPTokenizer.from_pretrained(name)
    length = tokenizer.model_max_length if tokenizer.model_max_length < 1e6 else variant.get("length", 77)
    rows = []
    for prompt in prompts:
        ids = tokenizer(prompt, padding="max_length", max_length=length, truncation=True).input_ids
        untruncated = tokenizer(prompt).input_ids
        length_used = min(len(untruncated), length)
        padding = [tokenizer.pad_token_id] * (length - length_used)
        assert len(ids) == length and ids[length_used:] == padding
        rows.append([prompt, len(untruncated) - length_used, ids[:length_used]])
    return {"length": length, "size": len(tokenizer), "bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id,
            "pad": tokenizer.pad_token_id, "rows": rows}


def file_texts(variant):
    """The variant for tokens.json: the contents of its files as text."""
    texts = {k: v for k, v in variant.items() if k in ("name", "form")}
    texts |= {k: json.dumps(v) for k, v in variant.items() if k in ("config", "special", "added_json", "added", "vocab")}
    if "merges" in variant:
        texts["merges"] = "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in variant["merges"])
    return texts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", metavar="captions.jsonl")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    random.seed(5)
    FOLDER.mkdir(parents=True, exist_ok=True)
    if arguments.train:
        train(arguments.train)
    vocab = json.loads((FOLDER / "vocab.json").read_text())
    merges = [tuple(line.split(" ")) for line in (FOLDER / "merges.txt").read_text().splitlines()[1:]]
    out = []
    for variant in VARIANTS:
        rows = expected_rows(variant, variant.get("vocab", vocab), variant.get("merges", merges))
        out.append({**file_texts(variant), **rows})
    lines = ",\n".join(
        json.dumps({k: v for k, v in v.items() if k != "rows"})[:-1] + ', "rows": [\n'
        + ",\n".join(json.dumps(r, separators=(",", ":")) for r in v["rows"]) + "]}" for v in out)
    (FOLDER / "tokens.json").write_text(
        f'{{"transformers": "{transformers.__version__}", "variants": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
