// Tokens that are found in the text as they stand, before any splitting: the special ones and those
// a user added.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace streamdiffusion::tokenizer {

struct AddedToken {
  /// UTF-8
  std::string content;
  std::int32_t id = -1;
  /// compared with normalized text (so in any case), not with the raw one
  bool normalized = false;
  /// only where no word character stands beside it
  bool single_word = false;
};

/// A stretch of text: a token, or (id < 0) text without one.
struct Stretch {
  std::int32_t id = -1;
  std::u32string_view text;
};

/// Finds tokens in one pass, the longest at each place, from left to right.
class TokenFinder {
 public:
  /// `content` as it stands in the text that will be searched; not empty. Of two equal ones the
  /// first counts.
  void add(std::u32string_view content, std::int32_t id, bool single_word);
  /// Cuts `text` into its tokens and what lies between them. The views point into `text`.
  std::vector<Stretch> split(std::u32string_view text) const;

 private:
  struct Token {
    std::int32_t id = -1;
    bool single_word = false;
  };
  struct Match {
    Token token;
    std::size_t length = 0;
  };
  Match longest(std::u32string_view text) const;

  std::unordered_map<std::uint64_t, std::uint32_t>
      edges_;                    // (node, code point) -> node; 0 is the root
  std::vector<Token> nodes_{1};  // the token that ends at a node
};

}  // namespace streamdiffusion::tokenizer
