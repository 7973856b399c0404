"""The strings of the tokenizer's test table: typical prompts and unusual Unicode."""

import random

PROMPTS = [
    "", " ", "\n", "a", "A", "red apple, 3d render", "A red APPLE on a blue table", "face of a person with dark skin",
    "1girl with brown dog hair, thick glasses, smiling", "masterpiece, best quality, (cat:1.2), [dog], {bird}",
    "a photo of a cat, 8k, hdr, f/1.8, 50mm", "3.14159", "1234567890", "2024-11-24T01:02:03Z", "x2y3z4", "①②③ ½ ¼ ²³",
    "٠١٢٣ ०१२३ 〇一二三", "ⅷ Ⅷ ↉", "don't can't it's we're I've I'm you'll he'd", "DON'T IT'S WE'RE", "o'clock 'tis ''s",
    "'s 't 're 've 'm 'll 'd", "'S 'Re 'LL", "rock'n'roll", "it’s a curly apostrophe", "'saint", "'vex", "'llama",
    "!!!", "...", "?!?!", "a!b?c", "--__--", "C++ & C#", "<html>&nbsp;</html>", "&amp; &lt;b&gt; &#39;", "$100 €50 £20 ¥10",
    "https://example.com/a?b=c&d=%20e", "name@example.org", "a\\b/c|d", "\"quoted\" “curly” «guillemets» „low“",
    "café", "cafe\u0301", "CAFE\u0301", "é è ê ë ē", "naïve façade", "Ångström A\u030angstro\u0308m", "ﬁ ﬂ ligatures",
    "½ cup", "ß ẞ STRASSE", "İstanbul ISTANBUL ı", "I\u0307", "i\u0307", "ΟΔΥΣΣΕΥΣ ΣΑΣ Σ", "Ὀδυσσεύς ὈΔΥΣΣΕΎΣ", "ϴ Ω Ω",
    "K Å \u212a \u212b", "ǅ ǈ ǋ Ǆ", "ÀÉÎÕÜ ÿ Ÿ", "ДОМ дом Ёлка", "שלום עולם", "שָׁלוֹם", "مرحبا بالعالم", "مَرْحَبًا",
    "नमस्ते दुनिया", "ক্ষ", "สวัสดีชาวโลก", "ກ່ອນ", "안녕하세요 세계", "\u1112\u1161\u11ab\u1100\u1173\u11af", "日本語のテキスト", "你好，世界。", "猫cat犬dog",
    "カタカナ ｶﾀｶﾅ ガ が \u304b\u3099", "ꙮ Ꙁ", "Ꭰ ꭰ Ა ა", "ʰʱʲ ˈ ˌ", "ᏣᎳᎩ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒜 𝟘𝟙", "𐐀 𐐨 𐍈", "𞤀𞤢", "🍎", "🍎🍏",
    "a🍎b", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️ ❤", "☺︎ ☺️", "1️⃣ #️⃣", "🧑🏿‍🚀 in space", "🏴\U000e0067\U000e0062\U000e007f",
    "a\u200db", "a\u200bb", "a\u200cb", "a\ufeffb", "a\u00adb", "a\u2060b", "a\u180eb", "\ufeffstart", "a\u202eb", "a\u061cb",
    "a\tb\nc\rd", "a\r\nb", "  many   spaces  ", "a\u00a0b", "a\u2003b\u2009c\u202fd\u205fe", "a\u3000b", "a\u1680b", "a\u2028b\u2029c",
    "a\u0085b", "a\x0bb\x0cc", "a\x1cb\x1dc\x1ed\x1fe", "a\x00b", "\x01\x02\x7f\x80\x9f", "\x00", "\x1b[31mred\x1b[0m",
    "a\u0301\u0302\u0303\u0316\u0317", "a\u0316\u0301", "a\u0301\u0316", "q\u0307\u0323 q\u0323\u0307", "\u0301alone", "e\u0301\u0301", "\u0344 \u0340 \u0341",
    "\u0f73\u0f75\u0f81", "\u0958 \u0959", "\u2126 \u1f71 \u0387", "\uf900 \ufa10 \U0002f800", "\u1e9b\u0323", "\u0344a", "\u1100\u1161\u11a8", "\uac00\u11a8",
    "Z\u0351\u0346\u0325\u033ca\u0315\u0327\u0326l\u0317\u0334g\u0308\u0301o\u0300", "\ufffd \ufffe \uffff", "\ue000 \U0010ffff", "\u0378 \u0e5c", "ſ ʼn ŉ",
    "_ ‿ ⁀ ﹏", "a_b_c", "snake_case and camelCase", "word" * 40, "ab" * 200, "é" * 60, "!" * 100, "1" * 90, "🍎" * 30,
    "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 3, "the " * 80, "ǰ \u01f0 J\u030c", "ﷺ ﷽", "㍿ ㌔ ℡ ™ ©", "ªº", "µ μ", "ﬀ",
    "ᾳ ᾼ ᾿Α", "Ⴀ ⴀ", "\u0130\u0307", "ẖ ẗ", "ŀ ŉ", "i̇ İ", "Ω\u0345", "\u03b1\u0345\u0301", "ά \u03b1\u0301", "\u1fbe", "¨ ´ ¸", "`~^", "·•…",
]

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
SPECIAL_PROMPTS = [
    EOS, BOS, f"a {EOS} b", f"a{EOS}b", f"{BOS}a{EOS}", f"!{EOS}", f"!!{EOS}!!", "<|ENDOFTEXT|>", "<|StartOfText|>", "a<|EndOfText|>b",
    "<|endoftext|", "|endoftext|>", "<|endoftext |>", "<<|endoftext|>>", f"{EOS}{EOS}", f" {EOS} ", f"\n{EOS}\u3000", "<|endoftext|>'s",
    "!", "!!", "a!", "a !", "wow! great!! ok", "?", "a?", "\u01c3 ! ！", "<my-cat> on a sofa", "a<my-cat>b", "<MY-CAT>", "<my-cat><my-cat>",
    "in <My-Style> style", "in <my-style> style", "in <MY-STYLE> style", "cat", "Cat", "a cat!", "cats", "bobcat", "cat cat", "(cat)", "é cat é",
    "écat", "cat_", "cat-dog", "cat1", "dog", "DOG", "dogs", "hotdog", "dogma", "dogmatic", "a dogma", "dog dogma DOGMA", "cat\u0301", "do\u0301g", "dog\u0301",
    "dog\u200d", "ab", "ab ab", "aab", "abab ba b", "abc", "c", "ab1 2", "a b", "", "the " * 90,
]

ALPHABET = [*"aAbBzZsStdmlvre019!?.,'’_- \t\n<|>&@", "\u00a0", "\u0301", "\u0316", "\u0307", "\u200d", "\ufe0f", "\u3000", "\x00", "\x1f",
            "é", "É", "ß", "İ", "Σ", "ς", "ж", "Ж", "ש", "\u05b8", "م", "\u0650", "क", "\u094d", "ท", "\u0e49", "한", "\u1112", "\u1161", "\u11ab",
            "日", "、", "ガ", "\u3099", "①", "½", "Ⅷ", "٣", "🍎", "👩", "🏽", "🇩", "𝔘", "𐐀", "ﬁ", "ǅ", "\u212b", "\u0345", "'s", "'ll", "<|endoftext|>"]


def random_prompts(count):
    """Random strings over ALPHABET."""
    return ["".join(random.choices(ALPHABET, k=random.randint(1, 14))) for _ in range(count)]
