// CLIP's split pattern as code: std::regex has no Unicode character classes.
#include "tokenizer/pre_tokenizer.h"

#include <array>

#include "tokenizer/unicode.h"

namespace streamdiffusion::tokenizer {
namespace {

constexpr std::array<std::u32string_view, 7> kContractions{U"'s", U"'t",  U"'re", U"'ve",
                                                           U"'m", U"'ll", U"'d"};
constexpr std::array<std::u32string_view, 2> kSpecialTokens{U"<|startoftext|>", U"<|endoftext|>"};

template <std::size_t N>
std::u32string_view matching_prefix(std::u32string_view text,
                                    const std::array<std::u32string_view, N>& choices) {
  for (const auto choice : choices) {
    if (text.starts_with(choice)) return choice;
  }
  return {};
}

template <typename Predicate>
std::size_t run_length(std::u32string_view text, Predicate belongs) {
  std::size_t length = 0;
  while (length < text.size() && belongs(text[length])) ++length;
  return length;
}

bool is_other(char32_t code) {
  return !is_space(code) && !is_letter(code) && !is_number(code);
}

// Length of the word at the start of text; 0 at a space.
std::size_t word_length(std::u32string_view text) {
  if (text.front() == U'\'') {
    if (const auto found = matching_prefix(text, kContractions); !found.empty())
      return found.size();
  }
  if (is_letter(text.front())) return run_length(text, is_letter);
  if (is_number(text.front())) return 1;
  return run_length(text, is_other);
}

}  // namespace

std::vector<std::string> pre_tokenize(std::u32string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    if (const auto token = matching_prefix(text, kSpecialTokens); !token.empty()) {
      out.emplace_back("<|");
      out.push_back(encode_utf8(token.substr(2, token.size() - 4)));
      out.emplace_back("|>");
      text.remove_prefix(token.size());
      continue;
    }
    const std::size_t length = word_length(text);
    if (length > 0) out.push_back(encode_utf8(text.substr(0, length)));
    text.remove_prefix(length > 0 ? length : 1);
  }
  return out;
}

}  // namespace streamdiffusion::tokenizer
