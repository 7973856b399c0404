// The table that tools/goldens/tokenizer.py wrote, and the vocabulary it was made with.
#pragma once

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "json/json.h"
#include "tokenizer/tokenizer_files.h"

namespace streamdiffusion::tokenizer::testing {

inline std::string read_data(const std::string& name) {
  std::ifstream file(std::string(SD_TEST_DATA_DIR) + "/text/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline const json::Json& table() {
  static const json::Json parsed = json::Json::parse(read_data("tokens.json"), "tokens.json");
  return parsed;
}

/// vocab.json and merges.txt of tests/data/text, and nothing else.
inline TokenizerTexts small_texts() {
  TokenizerTexts texts;
  texts.folder = "folder";
  texts.vocab = read_data("vocab.json");
  texts.merges = read_data("merges.txt");
  return texts;
}

inline std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return out + '"';
}

/// merges.txt as tokenizer.json has it: ["left right", ...] or [["left", "right"], ...].
inline std::string merges_json(const std::string& text, bool as_strings) {
  std::string out;
  std::istringstream lines(text.substr(text.find('\n') + 1));
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.find(' ');
    const std::string pair =
        '[' + json_string(line.substr(0, space)) + ", " + json_string(line.substr(space + 1)) + ']';
    out += (out.empty() ? "" : ", ") + (as_strings ? json_string(line) : pair);
  }
  return '[' + out + ']';
}

/// The small vocabulary as tokenizer.json.
inline std::string small_tokenizer_json(bool as_strings, const std::string& added = "[]") {
  const TokenizerTexts texts = small_texts();
  return R"({"version": "1.0", "added_tokens": )" + added +
         R"(, "model": {"type": "BPE", "dropout": null, "unk_token": "<|endoftext|>",)"
         R"( "continuing_subword_prefix": "", "end_of_word_suffix": "</w>", "fuse_unk": false, "vocab": )" +
         *texts.vocab + R"(, "merges": )" + merges_json(*texts.merges, as_strings) + "}}";
}

/// The files of one variant of the table.
inline TokenizerTexts texts_of(const json::Json& variant) {
  TokenizerTexts texts;
  const auto text = [&](const char* key) -> std::optional<std::string> {
    return variant.has(key) ? std::optional(variant.at(key).string()) : std::nullopt;
  };
  const std::string form = variant.at("form").string();
  if (form == "files") {
    texts = small_texts();
    if (variant.has("vocab")) texts.vocab = text("vocab");
    if (variant.has("merges")) texts.merges = text("merges");
  } else {
    texts.tokenizer = small_tokenizer_json(form == "strings", *text("added"));
  }
  texts.folder = variant.at("name").string();
  texts.config = text("config");
  texts.special = text("special");
  texts.added = text("added_json");
  return texts;
}

}  // namespace streamdiffusion::tokenizer::testing
