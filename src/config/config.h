// A YAML file in the shape that the forks of the original package use, as options of ours.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "params/table.h"

namespace streamdiffusion::config {

/// What a file says; what it does not mention is unset, or has its type's own default.
struct Config {
  /// The keys of params/table.h.
  params::Settings settings;
  std::optional<std::string> input, output, input_format, input_size, output_format, codec;
  /// Frames a second, more than 0.
  std::optional<double> fps;
  /// Seconds, more than 0.
  std::optional<double> duration;
  std::optional<std::uint64_t> frames;
  std::optional<bool> realtime, strict, quiet;
};

/// Throws invalid_argument naming the file, line and key: for text that is not YAML, a key that is
/// unknown (with the nearest known one) or stands twice, a value of another type (with what was
/// found and expected) or outside its range; unsupported for a key of the forks that is not
/// implemented, unless its value switches it off.
Config parse_config(std::string_view text, const std::string& name);

/// Reads a file of at most 1 MiB. Throws as parse_config does, and not_found or io.
Config read_config(const std::filesystem::path& path);

}  // namespace streamdiffusion::config
