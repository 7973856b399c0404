// Reads the files of a tokenizer folder into one plain description, by the rules of transformers
// 5's CLIPTokenizer: which file wins, where special tokens are declared and how they are matched.
// Nothing in the files is trusted.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/byte_pair_encoder.h"

namespace streamdiffusion::tokenizer {

/// The contents of the files. Either `tokenizer`, or `vocab` and `merges`, must be there.
struct TokenizerTexts {
  /// The name that messages use.
  std::string folder;
  /// tokenizer.json; wins over the next two.
  std::optional<std::string> tokenizer;
  /// vocab.json
  std::optional<std::string> vocab;
  /// merges.txt
  std::optional<std::string> merges;
  /// tokenizer_config.json
  std::optional<std::string> config;
  /// special_tokens_map.json
  std::optional<std::string> special;
  /// added_tokens.json
  std::optional<std::string> added;
};

struct TokenizerDescription {
  /// The file of the vocabulary, for messages.
  std::string file;
  /// The byte-pair model.
  Vocabulary vocabulary;
  Merges merges;
  /// Content of the unknown token.
  std::string unknown;
  /// All added tokens, special ones included, with ids.
  std::vector<AddedToken> added;
  /// Ids of the special tokens.
  std::int32_t bos = -1, eos = -1, pad = -1;
  /// Number of ids; every id of 0..size - 1 belongs to a token.
  std::int32_t size = 0;
  /// At least 3; empty if absent or over a million, which means "no limit".
  std::optional<int> model_max_length;
};

/// Reads the files of a folder. Throws not_found (no vocabulary there) or io.
TokenizerTexts read_tokenizer_texts(const std::filesystem::path& folder);

/// Parses and checks the contents. Throws not_found, corrupt_file or unsupported; the message names
/// the file, what was found and what was expected.
TokenizerDescription parse_tokenizer(const TokenizerTexts& texts);

}  // namespace streamdiffusion::tokenizer
