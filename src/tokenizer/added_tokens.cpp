// A trie with all edges in one hash map, keyed by node and code point.
#include "tokenizer/added_tokens.h"

#include "tokenizer/unicode.h"

namespace streamdiffusion::tokenizer {
namespace {

std::uint64_t edge_key(std::uint32_t node, char32_t code) {
  return std::uint64_t{node} << 32U | code;
}

}  // namespace

void TokenTrie::add(std::u32string_view content, std::int32_t id, bool single_word) {
  std::uint32_t node = 0;
  for (const char32_t code : content) {
    const auto [at, fresh] =
        edges_.try_emplace(edge_key(node, code), static_cast<std::uint32_t>(nodes_.size()));
    if (fresh) nodes_.emplace_back();
    node = at->second;
  }
  if (nodes_[node].id < 0) nodes_[node] = {id, single_word};
}

TokenTrie::Match TokenTrie::longest_match(std::u32string_view text) const {
  Match best;
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto at = edges_.find(edge_key(node, text[i]));
    if (at == edges_.end()) break;
    node = at->second;
    if (nodes_[node].id >= 0) best = {nodes_[node], i + 1};
  }
  return best;
}

std::vector<Segment> TokenTrie::split(std::u32string_view text) const {
  std::vector<Segment> out;
  std::size_t text_begin = 0;  // where the pending text without a token begins
  for (std::size_t i = 0; i < text.size();) {
    const auto [token, length] = longest_match(text.substr(i));
    if (length == 0) {
      ++i;
      continue;
    }
    const std::size_t end = i + length;
    const bool inside_word =
        (i > 0 && is_word(text[i - 1])) || (end < text.size() && is_word(text[end]));
    if (!token.single_word || !inside_word) {
      if (i > text_begin) out.push_back({-1, text.substr(text_begin, i - text_begin)});
      out.push_back({token.id, text.substr(i, length)});
      text_begin = end;
    }
    i = end;
  }
  if (text_begin < text.size()) out.push_back({-1, text.substr(text_begin)});
  return out;
}

}  // namespace streamdiffusion::tokenizer
