// What a downloaded folder or file can be used for, found by opening it.
#pragma once

#include <filesystem>
#include <string>

namespace streamdiffusion::app {

struct ModelUse {
  /// "--model", "--vae", "--lora", ...; empty if it cannot be used.
  std::string flag;
  /// What it is, or why it cannot be used.
  std::string text;
};

/// Reads configurations and the names and shapes of all tensors, no weights. Never throws Error.
ModelUse use_of(const std::filesystem::path& path);

}  // namespace streamdiffusion::app
