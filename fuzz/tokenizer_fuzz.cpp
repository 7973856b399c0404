// Reads any texts as a tokenizer's files and encodes any prompt. Only base::Error may be thrown,
// and ids must be in the vocabulary.
//
// The input is seven sections, separated by lines of "%%": tokenizer.json, vocab.json,
// merges.txt, tokenizer_config.json, special_tokens_map.json, added_tokens.json, prompt. An empty
// section is an absent file.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "tokenizer/tokenizer.h"

namespace {

constexpr std::string_view kSeparator = "\n%%\n";

std::optional<std::string> next_section(std::string_view& rest) {
  const auto end = rest.find(kSeparator);
  const std::string_view section = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + kSeparator.size());
  if (section.empty()) return std::nullopt;
  return std::string(section);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace streamdiffusion;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  tokenizer::TokenizerTexts texts;
  texts.folder = "fuzz";
  for (auto* section : {&texts.tokenizer, &texts.vocab, &texts.merges, &texts.config,
                        &texts.special, &texts.added}) {
    *section = next_section(rest);
  }
  try {
    const tokenizer::Tokenizer tokenizer(texts, 77);
    const tokenizer::Tokens tokens = tokenizer.encode(rest);
    if (tokens.ids.size() != static_cast<std::size_t>(tokenizer.length())) __builtin_trap();
    for (const auto id : tokens.ids) {
      if (id < 0 || id >= tokenizer.vocab_size()) __builtin_trap();
    }
  } catch (const base::Error&) {
  }
  return 0;
}
