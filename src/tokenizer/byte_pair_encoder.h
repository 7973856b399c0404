// Byte-pair encoding (Sennrich et al., arXiv 1508.07909) with GPT-2's byte symbols, as CLIP uses
// it. The bytes of a word become symbols, the last one with "</w>". Then the adjacent pair of the
// lowest rank is merged, until no pair has a merge rule. A heap of candidates makes this O(n log
// n).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace streamdiffusion::tokenizer {

/// Token -> id.
using Vocabulary = std::unordered_map<std::string, std::int32_t>;
/// Pairs of tokens to merge, by ascending rank.
using Merges = std::vector<std::pair<std::string, std::string>>;

class BytePairEncoder {
 public:
  /// `file` is the name that messages use, `unknown` the token for bytes without a symbol. Throws
  /// corrupt_file if a merge appears twice or names a token that is not in the vocabulary, or if a
  /// byte has no symbol and `unknown` is not in the vocabulary either.
  BytePairEncoder(const Vocabulary& vocabulary, const Merges& merges, std::string_view unknown,
                  const std::string& file);

  /// Appends the tokens of one word (UTF-8, not empty) to `out`.
  void encode(std::string_view word, std::vector<std::int32_t>& out) const;

 private:
  struct MergeRule {
    std::int32_t rank;
    std::int32_t result;
  };

  /// Token ids of the 256 byte symbols: inside a word, and at its end.
  std::array<std::int32_t, 256> byte_ids_{}, final_byte_ids_{};
  /// By pair_key() of the two token ids.
  std::unordered_map<std::uint64_t, MergeRule> merges_;
};

}  // namespace streamdiffusion::tokenizer
