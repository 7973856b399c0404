// Private to this folder: where tokenizers declare special and added tokens, and which declaration
// wins. The order is that of transformers 5 (PreTrainedTokenizerBase._from_pretrained and
// TokenizersBackend.__init__).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json/json.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/byte_pair_encoder.h"

namespace streamdiffusion::tokenizer {

/// The parsed files; an absent file is empty.
struct TokenizerJson {
  std::optional<json::Json> tokenizer, vocab, config, special, added;
};

struct SpecialTokens {
  /// "bos_token", "eos_token", "pad_token", "unk_token", … -> content
  std::map<std::string, std::string> named;
  /// All tokens, the named ones included, each once and with its id.
  std::vector<AddedToken> added;
};

/// Assigns an id to every special and added token: its id in the vocabulary, or the next free one.
/// Throws corrupt_file if a file declares another id.
SpecialTokens collect_special_tokens(const TokenizerJson& files, const Vocabulary& vocabulary);

}  // namespace streamdiffusion::tokenizer
