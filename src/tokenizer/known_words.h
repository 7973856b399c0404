// Reads the words that a model knows from its concepts.json, for warnings about unknown ones.
#pragma once

#include <filesystem>

#include "streamdiffusion/known_words.h"

namespace streamdiffusion::tokenizer {

/// Reads `folder`/concepts.json; empty if there is no such file. Throws corrupt_file unless the
/// file is an object of lists of strings.
KnownWords read_known_words(const std::filesystem::path& folder);

}  // namespace streamdiffusion::tokenizer
