// The pipeline of a fast tokenizer: added tokens, normalizer, pre-tokenizer, BPE, post-processor.
#include "tokenizer/tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/unicode.h"

namespace streamdiffusion::tokenizer {
namespace {

using base::ErrorCode;
using base::require;

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

void Tokenizer::encode_text(std::u32string_view text, std::vector<std::int32_t>& out) const {
  const std::u32string normalized = normalize(text);
  for (const Segment& segment : normalized_tokens_.split(normalized)) {
    if (segment.id >= 0) {
      out.push_back(segment.id);
      continue;
    }
    for (const std::string& word : pre_tokenize(segment.text)) bpe_.encode(word, out);
  }
}

Tokens Tokenizer::encode(std::string_view prompt) const {
  require(prompt.size() <= kMaxPromptBytes, ErrorCode::invalid_argument, "prompt of ",
          prompt.size(), " bytes, expected at most ", kMaxPromptBytes);
  const std::u32string text = decode_utf8(prompt, "prompt");
  std::vector<std::int32_t> ids;
  for (const Segment& segment : raw_tokens_.split(text)) {
    if (segment.id >= 0) {
      ids.push_back(segment.id);
    } else {
      encode_text(segment.text, ids);
    }
  }
  const auto capacity = static_cast<std::size_t>(length_ - 2);
  Tokens out;
  out.truncated = ids.size() > capacity;
  if (out.truncated) {
    out.dropped = static_cast<int>(ids.size() - capacity);
    base::warn("prompt is cut: ", out.dropped, " of ", ids.size(), " tokens dropped, ", capacity,
               " fit");
    ids.resize(capacity);
  }
  out.used = static_cast<int>(ids.size()) + 2;
  out.ids.reserve(static_cast<std::size_t>(length_));
  out.ids.push_back(bos_);
  out.ids.insert(out.ids.end(), ids.begin(), ids.end());
  out.ids.push_back(eos_);
  out.ids.resize(static_cast<std::size_t>(length_), pad_);
  return out;
}

}  // namespace streamdiffusion::tokenizer
