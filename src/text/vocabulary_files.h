// Private to this folder: the byte-pair model's two file forms, vocab.json + merges.txt and
// tokenizer.json.
#pragma once

#include <string>
#include <string_view>

#include "text/byte_pairs.h"
#include "weights/json.h"

namespace streamdiffusion::text {

constexpr std::size_t max_vocabulary = 1U << 21U;

/// {token: id}; ids are checked to be unique.
Vocabulary parse_vocabulary(const weights::Json& object);

/// merges.txt: a "#version" line, then "left right" on each.
Merges parse_merges_text(std::string_view text, const std::string& file);

/// tokenizer.json's model.merges: "left right" or ["left", "right"].
Merges parse_merges_json(const weights::Json& array);

/// Refuses a tokenizer.json whose model is not CLIP's kind of byte pairs.
void check_model(const weights::Json& model);

}  // namespace streamdiffusion::text
