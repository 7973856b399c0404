// The CLIP tokenizer: a prompt becomes a row of token ids of fixed length, exactly as transformers
// 5's CLIPTokenizer with padding="max_length" and truncation=True would give it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/byte_pairs.h"
#include "tokenizer/tokenizer_files.h"

namespace streamdiffusion::tokenizer {

struct Tokens {
  /// length() of them: BOS, the prompt's, EOS, then padding
  std::vector<std::int32_t> ids;
  /// BOS and EOS included, padding not
  int used = 0;
  bool truncated = false;
  /// tokens of the prompt that did not fit
  int dropped = 0;
};

class Tokenizer {
 public:
  /// Longest prompt accepted, in bytes.
  static constexpr std::size_t max_prompt_bytes = 1U << 20U;

  /// Opens a tokenizer folder. `max_positions` is the text model's max_position_embeddings: it
  /// limits the length, and is the length where tokenizer_config.json has none or an absurd one.
  /// Throws not_found, corrupt_file, unsupported.
  static Tokenizer open(const std::filesystem::path& folder, int max_positions);
  /// The same from texts in memory.
  Tokenizer(const TokenizerTexts& texts, int max_positions);

  /// Tokens of a prompt (UTF-8). Warns, naming the number of tokens dropped, when it does not fit.
  /// Throws invalid_argument when it is not UTF-8 or longer than max_prompt_bytes. Thread-safe.
  Tokens encode(std::string_view prompt) const;

  /// ids are 0..vocab_size()-1
  int vocab_size() const { return size_; }
  /// of every row of ids
  int length() const { return length_; }
  std::int32_t bos_id() const { return bos_; }
  std::int32_t eos_id() const { return eos_; }
  std::int32_t pad_id() const { return pad_; }

 private:
  Tokenizer(const TokenizerDescription& description, int max_positions);
  void append_plain(std::u32string_view text, std::vector<std::int32_t>& out) const;

  BytePairs model_;
  TokenFinder raw_;         // tokens looked for in the prompt as typed
  TokenFinder normalized_;  // and in what normalization leaves
  std::int32_t bos_, eos_, pad_;
  int size_, length_;
};

}  // namespace streamdiffusion::tokenizer
