// A ControlNet in one .safetensors file, with the names of the original code (LDM) or diffusers'.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "json/json.h"
#include "weights/weight_source.h"

namespace streamdiffusion::weights {

struct ControlNetFile {
  /// Its config.json: told by keys and shapes, or beside a file with diffusers' names. Where there
  /// is none, the net has the shape of the model's UNet.
  std::optional<json::Json> config;
  /// Channels of the convolutions that embed the image, where there is no config.
  std::vector<std::int64_t> embedding_channels;
  std::shared_ptr<const WeightSource> weights;
};

/// Throws not_found, io, corrupt_file, or unsupported for a file that holds none; relatives are
/// named: ControlNet-Union, ControlNet-LLLite, control LoRAs, weights stored as a difference.
ControlNetFile open_controlnet_file(const std::filesystem::path& file);

/// Whether a file holds a ControlNet, by its keys.
bool is_controlnet(const std::filesystem::path& file);

}  // namespace streamdiffusion::weights
