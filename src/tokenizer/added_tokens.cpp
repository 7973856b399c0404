#include "tokenizer/added_tokens.h"

#include "tokenizer/unicode.h"

namespace streamdiffusion::tokenizer {
namespace {

std::uint64_t edge(std::uint32_t node, char32_t code) {
  return std::uint64_t{node} << 32U | code;
}

}  // namespace

void TokenFinder::add(std::u32string_view content, std::int32_t id, bool single_word) {
  std::uint32_t node = 0;
  for (const char32_t code : content) {
    const auto [at, fresh] =
        edges_.try_emplace(edge(node, code), static_cast<std::uint32_t>(nodes_.size()));
    if (fresh) nodes_.emplace_back();
    node = at->second;
  }
  if (nodes_[node].id < 0) nodes_[node] = {id, single_word};
}

TokenFinder::Match TokenFinder::longest(std::u32string_view text) const {
  Match best;
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto at = edges_.find(edge(node, text[i]));
    if (at == edges_.end()) break;
    node = at->second;
    if (nodes_[node].id >= 0) best = {nodes_[node], i + 1};
  }
  return best;
}

std::vector<Stretch> TokenFinder::split(std::u32string_view text) const {
  std::vector<Stretch> out;
  std::size_t plain = 0;  // where the text without a token begins
  for (std::size_t i = 0; i < text.size();) {
    const auto [token, length] = longest(text.substr(i));
    if (length == 0) {
      ++i;
      continue;
    }
    const std::size_t end = i + length;
    const bool inside_word =
        (i > 0 && is_word(text[i - 1])) || (end < text.size() && is_word(text[end]));
    if (!token.single_word || !inside_word) {
      if (i > plain) out.push_back({-1, text.substr(plain, i - plain)});
      out.push_back({token.id, text.substr(i, length)});
      plain = end;
    }
    i = end;
  }
  if (plain < text.size()) out.push_back({-1, text.substr(plain)});
  return out;
}

}  // namespace streamdiffusion::tokenizer
