// What UNet2DConditionModel's config.json says, in the form the builder wants it: one entry a
// level.
#pragma once

#include <cstdint>
#include <vector>

#include "json/json.h"

namespace streamdiffusion::models {

struct UNetConfig {
  /// One resolution. Level 0 is the latents' own; each next one is half as high and wide.
  struct Level {
    std::int64_t channels = 0;
    /// Resnets on the way down; one more on the way up.
    std::int64_t layers = 0;
    /// Depth of each of its transformers.
    std::int64_t transformer_layers = 1;
    /// diffusers calls this number of heads "attention_head_dim".
    std::int64_t heads = 8;
    bool down_attention = false, up_attention = false;
  };
  enum class Mid { none, resnet, cross_attention };

  std::int64_t in_channels = 4, out_channels = 4;
  std::vector<Level> levels;
  Mid mid = Mid::cross_attention;
  /// Channels of the text embeddings.
  std::int64_t cross_attention_dim = 1280;
  /// Channels of the time embedding.
  std::int64_t time_dim = 1280;
  int norm_groups = 32;
  float norm_eps = 1e-5F;
  /// The transformers' projections are stored as linears.
  bool linear_projection = false;
  bool flip_sin_to_cos = true;
  float freq_shift = 0;
  /// Downsampling pads all four sides by one; else right and below only.
  bool pad_both_sides = true;
};

/// Reads and checks a config. Throws unsupported for a key or value that would change the result
/// and is not implemented, corrupt_file for one that makes no sense; both name the key and what it
/// has.
UNetConfig unet_config(const json::Json& config);

}  // namespace streamdiffusion::models
