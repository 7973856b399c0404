// A model's concepts.json.
#pragma once

#include <filesystem>

#include "streamdiffusion/known_words.h"

namespace streamdiffusion::tokenizer {

/// Reads `folder`/concepts.json; nothing where there is no such file. Throws corrupt_file for one
/// that is not an object of lists of strings.
KnownWords read_known_words(const std::filesystem::path& folder);

}  // namespace streamdiffusion::tokenizer
