// AutoencoderKL, the full autoencoder of Stable Diffusion. The encoder returns the mean of its
// distribution, never a sample: sampled noise would make a video flicker (docs/algorithm.md, D13).
#pragma once

#include <vector>

#include "graph/graph.h"
#include "json/json.h"
#include "models/image_io.h"

namespace streamdiffusion::models {

struct AutoencoderKlConfig {
  std::int64_t latent_channels = 4;
  /// Channels of each level, full resolution first.
  std::vector<std::int64_t> channels;
  /// Resnets per level in the encoder; the decoder has one more.
  std::int64_t layers = 1;
  /// Groups of every group norm; divides all channels.
  int norm_groups = 32;
  bool quant_conv = true, post_quant_conv = true, mid_attention = true;
  LatentScale latent{.scale = 0.18215F};
  /// Whether activations may exceed what f16 holds, 65504. As diffusers, true unless the config
  /// says that they do not.
  bool force_upcast = true;

  /// Image pixels per latent pixel along one side: 2^(levels - 1).
  std::int64_t vae_scale_factor() const { return std::int64_t{1} << (channels.size() - 1); }
};

/// Reads and checks a config. Throws unsupported for a key or value that would change the result
/// and is not implemented, corrupt_file for an invalid one.
AutoencoderKlConfig autoencoder_kl_config(const json::Json& config);

/// Input: "pixels" u8 [frames, height, width, 3]. Output: "latents" f32 [frames, height / f,
/// width / f, latent_channels] with f = vae_scale_factor(), scaled for the diffusion model. Throws
/// invalid_argument for an invalid shape.
graph::Graph build_encoder(const AutoencoderKlConfig& config, const ImageShape& shape);
/// Input: "latents" as above. Outputs: "pixels" u8 [frames, height, width, 3] and, if shape.image,
/// "image" f32 of the same shape. Throws invalid_argument for an invalid shape.
graph::Graph build_decoder(const AutoencoderKlConfig& config, const ImageShape& shape);

}  // namespace streamdiffusion::models
