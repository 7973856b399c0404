// The byte-pair model: a piece's bytes become symbols, the last one with "</w>"; then the adjacent
// pair that was learnt first is joined, again and again. A heap of candidates keeps a piece of n
// bytes at O(n log n).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace streamdiffusion::tokenizer {

using Vocabulary = std::unordered_map<std::string, std::int32_t>;
using Merges = std::vector<std::pair<std::string, std::string>>;

class BytePairs {
 public:
  /// `file` is the name that messages use. Throws corrupt_file when a merge stands twice or speaks
  /// of a token that is not in the vocabulary, or when a byte has no symbol and `unknown` is no
  /// token that could replace it.
  BytePairs(const Vocabulary& vocabulary, const Merges& merges, std::string_view unknown,
            const std::string& file);

  /// Appends the tokens of one piece (not empty).
  void encode(std::string_view piece, std::vector<std::int32_t>& out) const;

 private:
  struct Join {
    std::int32_t rank;
    std::int32_t result;
  };

  std::array<std::int32_t, 256> inner_{};  // symbol of a byte
  std::array<std::int32_t, 256> last_{};   // and at the end of a piece
  std::unordered_map<std::uint64_t, Join> joins_;
};

}  // namespace streamdiffusion::tokenizer
