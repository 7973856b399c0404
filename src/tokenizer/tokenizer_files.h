// From the files of a tokenizer folder to one plain description, by the rules of transformers 5's
// CLIPTokenizer: which file wins, where special tokens are declared and how they are matched.
// Nothing in the files is trusted.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/byte_pairs.h"

namespace streamdiffusion::tokenizer {

/// The texts of the files, for whoever has them in memory. Either tokenizer, or vocab and merges,
/// must be there.
struct TokenizerTexts {
  /// for messages
  std::string folder;
  /// tokenizer.json; wins over the next two
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
  /// where the vocabulary stands, for messages
  std::string file;
  /// of the byte-pair model
  Vocabulary vocabulary;
  Merges merges;
  /// the unknown token's content
  std::string unknown;
  /// special tokens included; ids are known and dense
  std::vector<AddedToken> added;
  std::int32_t bos = -1, eos = -1, pad = -1;
  /// ids are 0..size-1
  std::int32_t size = 0;
  /// empty when absent or absurdly large ("no limit known")
  std::optional<int> model_max_length;
};

/// Reads the files of a folder. Throws not_found (no vocabulary there) or io.
TokenizerTexts read_tokenizer_texts(const std::filesystem::path& folder);

/// Throws corrupt_file or unsupported; a message names the file and the culprit.
TokenizerDescription parse_tokenizer(const TokenizerTexts& texts);

}  // namespace streamdiffusion::tokenizer
