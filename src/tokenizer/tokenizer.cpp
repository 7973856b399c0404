// The pipeline of a fast tokenizer: added tokens, normalizer, pre-tokenizer, BPE, post-processor.
#include "tokenizer/tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "json/quote.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/prompt_syntax.h"
#include "tokenizer/unicode.h"

namespace streamdiffusion::tokenizer {
namespace {

using base::ErrorCode;
using base::require;

/// Bytes of the words that a warning names.
constexpr std::size_t kLongestShown = 100;

int length_of(const TokenizerDescription& d, int max_positions) {
  require(max_positions >= 3, ErrorCode::invalid_argument, d.file, ": the text model has ",
          max_positions, " positions, expected at least 3");
  return std::min(d.model_max_length.value_or(max_positions), max_positions);
}

}  // namespace

Tokenizer Tokenizer::open(const std::filesystem::path& folder, int max_positions) {
  return {read_tokenizer_texts(folder), max_positions};
}

Tokenizer::Tokenizer(const TokenizerTexts& texts, int max_positions)
    : Tokenizer(parse_tokenizer(texts), max_positions) {}

Tokenizer::Tokenizer(const TokenizerDescription& d, int max_positions)
    : bpe_(d.vocabulary, d.merges, d.unknown, d.file),
      bos_(d.bos),
      eos_(d.eos),
      pad_(d.pad),
      size_(d.size),
      length_(length_of(d, max_positions)) {
  for (const AddedToken& token : d.added) {
    const std::u32string content = decode_utf8(token.content, d.file + ": an added token");
    if (token.normalized) {
      normalized_tokens_.add(normalize(content), token.id, token.single_word);
    } else {
      raw_tokens_.add(content, token.id, token.single_word);
    }
  }
}

/// What is collected from the parts of a prompt.
struct Tokenizer::Encoded {
  std::size_t capacity = 0;
  std::vector<std::int32_t> ids = {};
  /// The first words that did not fit.
  std::string left_out = {};

  void note(const std::string& word) {
    if (ids.size() <= capacity || left_out.size() > kLongestShown) return;
    left_out += (left_out.empty() ? "" : " ") + word;
  }
};

void Tokenizer::encode_text(std::u32string_view text, Encoded& out) const {
  const std::u32string normalized = normalize(text);
  for (const Segment& segment : normalized_tokens_.split(normalized)) {
    if (segment.id >= 0) {
      out.ids.push_back(segment.id);
      continue;
    }
    for (const std::string& word : pre_tokenize(segment.text)) {
      bpe_.encode(word, out.ids);
      out.note(word);
    }
  }
}

void Tokenizer::encode_part(std::string_view part, Encoded& out) const {
  const std::u32string text = decode_utf8(part, "prompt");
  for (const Segment& segment : raw_tokens_.split(text)) {
    if (segment.id >= 0) {
      out.ids.push_back(segment.id);
    } else {
      encode_text(segment.text, out);
    }
  }
}

Tokens Tokenizer::encode(std::string_view prompt, PromptSyntax syntax) const {
  require(prompt.size() <= kMaxPromptBytes, ErrorCode::invalid_argument, "prompt of ",
          prompt.size(), " bytes, expected at most ", kMaxPromptBytes);
  const bool emphasis = syntax == PromptSyntax::emphasis;
  ParsedPrompt parsed =
      emphasis ? parse_prompt(prompt) : ParsedPrompt{{{std::string(prompt), 1.0F}}, {}};
  const auto capacity = static_cast<std::size_t>(length_ - 2);
  Encoded encoded{.capacity = capacity};
  std::vector<float> weights{1.0F};
  for (const PromptPart& part : parsed.parts) {
    encode_part(part.text, encoded);
    weights.resize(encoded.ids.size() + 1, part.weight);
  }
  std::vector<std::int32_t>& ids = encoded.ids;
  Tokens out{.warnings = std::move(parsed.warnings)};
  out.truncated = ids.size() > capacity;
  if (out.truncated) {
    out.dropped = static_cast<int>(ids.size() - capacity);
    out.warnings.push_back(base::concat("prompt is cut: ", out.dropped, " of ", ids.size(),
                                        " tokens dropped, ", capacity,
                                        " fit; left out: ", json::quote(encoded.left_out)));
    ids.resize(capacity);
    weights.resize(capacity + 1);
  }
  out.used = static_cast<int>(ids.size()) + 2;
  out.ids.reserve(static_cast<std::size_t>(length_));
  out.ids.push_back(bos_);
  out.ids.insert(out.ids.end(), ids.begin(), ids.end());
  out.ids.push_back(eos_);
  out.ids.resize(static_cast<std::size_t>(length_), pad_);
  if (std::ranges::any_of(weights, [](float weight) { return weight != 1; })) {
    out.weights = std::move(weights);
    out.weights.resize(out.ids.size(), 1.0F);
  }
  return out;
}

}  // namespace streamdiffusion::tokenizer
