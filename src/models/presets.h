// Published architectures whose configs are built in, so that bench, info and tests can run them
// with generated weights, without a model folder.
#pragma once

#include <span>
#include <string_view>

namespace streamdiffusion::models {

/// The config.json texts of one architecture, as its model folder has them.
struct Preset {
  std::string_view name;
  std::string_view unet, text_encoder, autoencoder;
};

/// "sd15" (Stable Diffusion 1.5) and "sd-turbo" (Stable Diffusion 2.1 and Turbo), each with TAESD.
std::span<const Preset> presets();

/// The preset of that name. Throws not_found, listing the names.
const Preset& find_preset(std::string_view name);

}  // namespace streamdiffusion::models
