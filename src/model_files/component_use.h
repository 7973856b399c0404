// What a single component of a repository can be used for: an autoencoder, a UNet, a ControlNet.
#pragma once

#include <string>

#include "json/json.h"

namespace streamdiffusion::model_files {

struct ComponentUse {
  /// "--vae"; empty if it can be used for nothing.
  std::string flag;
  /// For a person.
  std::string text;
};

/// By the class in its config.json, the rest of which is checked. Throws corrupt_file or
/// unsupported as opening it would.
ComponentUse use_of_component(const json::Json& config);

}  // namespace streamdiffusion::model_files
