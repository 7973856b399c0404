// Which control images a ControlNet was trained on, told by the words in its name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "streamdiffusion/control.h"

namespace streamdiffusion::control {

struct NamedPreprocessor {
  /// passthrough where `needs_network`.
  Preprocessor preprocessor = Preprocessor::passthrough;
  /// The word that tells it: "canny".
  std::string word;
  /// Depth, pose and the like, which only a network makes of a frame.
  bool needs_network = false;
};

/// Of the folder or file of a ControlNet, also one in the cache of the Hugging Face hub, such as
/// thibaud/controlnet-sd21-canny-diffusers. Nothing where its name says nothing.
std::optional<NamedPreprocessor> preprocessor_of(const std::filesystem::path& net);

}  // namespace streamdiffusion::control
