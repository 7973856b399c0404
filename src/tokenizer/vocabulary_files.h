// Private to this folder: the two file formats of a byte-pair model, vocab.json with merges.txt,
// and tokenizer.json.
#pragma once

#include <string>
#include <string_view>

#include "json/json.h"
#include "tokenizer/byte_pair_encoder.h"

namespace streamdiffusion::tokenizer {

/// The largest number of tokens, and of merges, that is read.
constexpr std::size_t kMaxVocabulary = 1U << 21U;

/// {token: id}. Throws corrupt_file, also if two tokens share an id.
Vocabulary parse_vocabulary(const json::Json& object);

/// merges.txt: a "#version" line, then one "left right" per line. Throws corrupt_file.
Merges parse_merges_text(std::string_view text, const std::string& file);

/// tokenizer.json's model.merges: "left right" or ["left", "right"]. Throws corrupt_file.
Merges parse_merges_json(const json::Json& array);

/// Throws unsupported for a tokenizer.json whose model is not a byte-pair model like CLIP's.
void check_model(const json::Json& model);

}  // namespace streamdiffusion::tokenizer
