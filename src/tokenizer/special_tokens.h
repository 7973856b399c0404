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
#include "tokenizer/byte_pairs.h"

namespace streamdiffusion::tokenizer {

/// The parsed files; empty ones do not exist.
struct TokenizerJson {
  std::optional<json::Json> tokenizer, vocab, config, special, added;
};

struct SpecialTokens {
  /// "bos_token", "eos_token", "pad_token", "unk_token", … -> content
  std::map<std::string, std::string> named;
  /// named ones included, each once, with its id
  std::vector<AddedToken> added;
};

/// Gives an id to every special and added token: the vocabulary's, or the next free one. Throws
/// corrupt_file when a file declares another id than that.
SpecialTokens collect_special_tokens(const TokenizerJson& files, const Vocabulary& vocabulary);

}  // namespace streamdiffusion::tokenizer
