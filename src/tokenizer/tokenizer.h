// The CLIP tokenizer: turns a prompt into a row of token ids of fixed length. The ids are those of
// transformers 5's CLIPTokenizer with padding="max_length" and truncation=True.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "streamdiffusion/options.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/byte_pair_encoder.h"
#include "tokenizer/tokenizer_files.h"

namespace streamdiffusion::tokenizer {

struct Tokens {
  /// length() ids: BOS, the prompt's tokens, EOS, then padding.
  std::vector<std::int32_t> ids;
  /// Number of ids before the padding.
  int used = 0;
  bool truncated = false;
  /// Tokens of the prompt that did not fit.
  int dropped = 0;
  /// Of each id, for a prompt with emphasis; else empty.
  std::vector<float> weights;
  /// What was left out, with its words, and what is read otherwise than other programs do.
  std::vector<std::string> warnings;
};

class Tokenizer {
 public:
  /// Longest prompt accepted, in bytes.
  static constexpr std::size_t kMaxPromptBytes = 1U << 20U;

  /// Opens a tokenizer folder. `max_positions` (at least 3) is the text model's
  /// max_position_embeddings. The length of a row is the smaller of it and tokenizer_config.json's
  /// model_max_length. Throws not_found, io, corrupt_file, unsupported or invalid_argument.
  static Tokenizer open(const std::filesystem::path& folder, int max_positions);
  /// The same from file contents in memory.
  Tokenizer(const TokenizerTexts& texts, int max_positions);

  /// The tokens of a prompt (UTF-8). If it does not fit, drops the tokens at its end. Throws
  /// invalid_argument if it is not UTF-8 or longer than kMaxPromptBytes. Thread-safe.
  Tokens encode(std::string_view prompt, PromptSyntax syntax = PromptSyntax::text) const;

  /// Number of ids, which are 0..vocab_size() - 1.
  int vocab_size() const { return size_; }
  /// Length of every row of ids.
  int length() const { return length_; }
  std::int32_t bos_id() const { return bos_; }
  std::int32_t eos_id() const { return eos_; }
  std::int32_t pad_id() const { return pad_; }

 private:
  Tokenizer(const TokenizerDescription& description, int max_positions);
  struct Encoded;
  void encode_part(std::string_view part, Encoded& out) const;
  void encode_text(std::u32string_view text, Encoded& out) const;

  BytePairEncoder bpe_;
  /// Added tokens that are matched in the prompt as typed, and in the normalized text.
  TokenTrie raw_tokens_, normalized_tokens_;
  std::int32_t bos_, eos_, pad_;
  int size_, length_;
};

}  // namespace streamdiffusion::tokenizer
