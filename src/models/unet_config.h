// UNet2DConditionModel's config.json in the form that the builder reads: one entry per level.
#pragma once

#include <cstdint>
#include <vector>

#include "json/json.h"

namespace streamdiffusion::models {

/// Numbers that an image's size conditioning has: original height and width, crop top and left,
/// target height and width (Podell et al. 2023, arXiv 2307.01952, section 2.2).
constexpr int kSizeNumbers = 6;

struct UNetConfig {
  /// One resolution. Level 0 is that of the latents; each further level halves height and width.
  struct Level {
    std::int64_t channels = 0;
    /// Resnets in the down block; the up block has one more.
    std::int64_t layers = 0;
    /// Blocks in the transformer behind each resnet; empty without attention.
    std::vector<std::int64_t> down_transformers, up_transformers;
    /// Attention heads. diffusers' configs call this number "attention_head_dim".
    std::int64_t heads = 8;
    bool down_attention = false, up_attention = false;
    /// The first attention of every transformer block attends to the prompt as well, not to x.
    bool only_cross_attention = false;
  };
  enum class Mid { none, resnet, cross_attention };

  std::int64_t in_channels = 4, out_channels = 4;
  std::vector<Level> levels;
  Mid mid = Mid::cross_attention;
  /// Blocks in the middle block's transformer.
  std::int64_t mid_transformer = 1;
  /// Channels of the text embeddings.
  std::int64_t cross_attention_dim = 1280;
  /// Channels of the time embedding.
  std::int64_t time_dim = 1280;
  int norm_groups = 32;
  float norm_eps = 1e-5F;
  /// Channels of the pooled text embedding that is added to the time embedding together with six
  /// numbers on the image's size ("text_time", SDXL); 0 without.
  std::int64_t pooled_dim = 0;
  /// Channels of the embedding of each of the six numbers.
  std::int64_t size_embedding_dim = 0;
  /// Channels of the guidance scale's embedding ("time_cond_proj_dim", models distilled with
  /// guidance); 0 without.
  std::int64_t guidance_dim = 0;
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

class ConfigReader;
/// The same for the keys that a ControlNet has too. The up path, out_channels and guidance_dim keep
/// their defaults. The caller reads its own keys and finishes.
UNetConfig down_path_config(ConfigReader& config);

}  // namespace streamdiffusion::models
