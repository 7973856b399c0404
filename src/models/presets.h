// Published architectures whose configs are built in, so that bench, info and tests can run them
// with generated weights, without a model folder.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace streamdiffusion::models {

/// The config.json texts of one architecture, as its model folder has them.
struct Preset {
  std::string_view name;
  std::string unet;
  std::string_view text_encoder, autoencoder;
  /// SDXL's second one; otherwise empty.
  std::string_view text_encoder_2;
};

/// "sd15" (Stable Diffusion 1.5), "sd-turbo" (Stable Diffusion 2.1 and Turbo), "sdxl-turbo" (SDXL,
/// Turbo, Lightning), "lcm-sdxl", and the smaller "ssd-1b", "segmind-vega", "koala-1b" and
/// "koala-700m", each with its tiny autoencoder.
std::span<const Preset> presets();

/// The preset of that name. Throws not_found, listing the names.
const Preset& find_preset(std::string_view name);

}  // namespace streamdiffusion::models
