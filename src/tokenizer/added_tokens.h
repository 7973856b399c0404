// Special tokens and tokens that a user added. They are matched in the text as a whole, before it
// is split into words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace streamdiffusion::tokenizer {

struct AddedToken {
  /// UTF-8.
  std::string content;
  std::int32_t id = -1;
  /// Matched in the normalized text (so in any letter case), not in the text as typed.
  bool normalized = false;
  /// Matched only if no word character is next to it.
  bool single_word = false;
};

/// A part of a text: a token, or with id < 0 text without tokens.
struct Segment {
  std::int32_t id = -1;
  std::u32string_view text;
};

/// Splits a text at tokens, in one pass from left to right; at each position the longest token
/// wins. A trie over code points, as transformers' Trie.
class TokenTrie {
 public:
  /// Adds a token. `content` is not empty, and normalized if the text will be. Of two tokens with
  /// the same content the first counts.
  void add(std::u32string_view content, std::int32_t id, bool single_word);
  /// Cuts `text` into tokens and the text between them. The views point into `text`.
  std::vector<Segment> split(std::u32string_view text) const;

 private:
  struct Token {
    std::int32_t id = -1;
    bool single_word = false;
  };
  struct Match {
    Token token;
    std::size_t length = 0;
  };
  Match longest_match(std::u32string_view text) const;

  /// (node, code point) -> node; node 0 is the root.
  std::unordered_map<std::uint64_t, std::uint32_t> edges_;
  /// The token that ends at each node; id -1 if none does.
  std::vector<Token> nodes_{1};
};

}  // namespace streamdiffusion::tokenizer
