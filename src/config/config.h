// A YAML file in the shape that the forks of the original package use, as options of ours.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "params/table.h"

namespace streamdiffusion::config {

/// What a file says; what it does not mention is unset, or has its type's own default. Throws
/// invalid_argument naming the file, line and key: for text that is not YAML, a second document, a
/// key that is unknown (with the nearest known one) or says what another one says, a value that is
/// empty, of another type (with what was found and expected) or outside its range; unsupported for
/// a key of the forks that is not implemented, unless its value switches it off.
params::Settings parse_config(std::string_view text, const std::string& name);

/// Reads a file of at most 1 MiB. Throws as parse_config does, and not_found or io.
params::Settings read_config(const std::filesystem::path& path);

}  // namespace streamdiffusion::config
