// UNet2DConditionModel's config.json in the form that the builder reads: one entry per level.
#pragma once

#include <cstdint>
#include <vector>

#include "json/json.h"

namespace streamdiffusion::models {

struct UNetConfig {
  /// One resolution. Level 0 is that of the latents; each further level halves height and width.
  struct Level {
    std::int64_t channels = 0;
    /// Resnets in the down block; the up block has one more.
    std::int64_t layers = 0;
    /// Blocks in each of its transformers.
    std::int64_t transformer_layers = 1;
    /// Attention heads. diffusers' configs call this number "attention_head_dim".
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
  /// The transformers' proj_in and proj_out are stored as linear layers, not 1x1 convolutions.
  bool linear_projection = false;
  bool flip_sin_to_cos = true;
  float freq_shift = 0;
  /// Downsampling pads all four sides by one pixel; otherwise only right and bottom.
  bool pad_both_sides = true;
};

/// Reads and checks a config. Throws unsupported for a key or value that would change the result
/// and is not implemented, corrupt_file for an invalid one. Both name the key and its value.
UNetConfig unet_config(const json::Json& config);

}  // namespace streamdiffusion::models
