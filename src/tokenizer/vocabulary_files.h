// Private to this folder: the byte-pair model's two file forms, vocab.json + merges.txt and
// tokenizer.json.
#pragma once

#include <string>
#include <string_view>

#include "json/json.h"
#include "tokenizer/byte_pairs.h"

namespace streamdiffusion::tokenizer {

constexpr std::size_t max_vocabulary = 1U << 21U;

/// {token: id}; ids are checked to be unique.
Vocabulary parse_vocabulary(const json::Json& object);

/// merges.txt: a "#version" line, then "left right" on each.
Merges parse_merges_text(std::string_view text, const std::string& file);

/// tokenizer.json's model.merges: "left right" or ["left", "right"].
Merges parse_merges_json(const json::Json& array);

/// Refuses a tokenizer.json whose model is not CLIP's kind of byte pairs.
void check_model(const json::Json& model);

}  // namespace streamdiffusion::tokenizer
