// What the UNet of a single file predicts: noise or velocity.
#pragma once

#include <string>
#include <vector>

#include "weights/safetensors.h"

namespace streamdiffusion::weights {

/// "epsilon" or "v_prediction", by the key v_pred, the file's metadata, or for Stable Diffusion 2
/// the spread of one bias. `unet_prefix` begins the UNet's keys. Adds to `notes` the rule that told
/// it.
std::string prediction_type_of(const SafetensorsFile& file, const std::string& family,
                               const std::string& unet_prefix, std::vector<std::string>& notes);

}  // namespace streamdiffusion::weights
