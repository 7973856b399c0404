// Architectures whose configs are part of the program, to be run with random weights (bench, tests,
// info).
#pragma once

#include <span>
#include <string_view>

namespace streamdiffusion::models {

/// The config.json texts of one architecture, as the model's folder has them.
struct Preset {
  std::string_view name;
  std::string_view unet, text_encoder, autoencoder;
};

/// "sd15" (Stable Diffusion 1.5) and "sd-turbo" (Stable Diffusion 2.1 and Turbo), each with TAESD.
std::span<const Preset> presets();

/// Throws not_found, naming the presets there are.
const Preset& find_preset(std::string_view name);

}  // namespace streamdiffusion::models
