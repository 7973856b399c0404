// AutoencoderTiny (TAESD's architecture): 3x3 convolutions of one width; each stage halves
// (encoder) or doubles (decoder) the resolution.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "json/json.h"
#include "models/image_io.h"

namespace streamdiffusion::models {

struct AutoencoderTinyConfig {
  std::int64_t latent_channels = 4;
  /// Channels of every layer.
  std::int64_t encoder_width = 64, decoder_width = 64;
  /// Residual blocks per stage, in the order of execution.
  std::vector<std::int64_t> encoder_blocks, decoder_blocks;
  graph::Activation activation = graph::Activation::relu;
  LatentScale latent;

  /// Image pixels per latent pixel along one side: 2^(stages - 1).
  std::int64_t vae_scale_factor() const { return std::int64_t{1} << (encoder_blocks.size() - 1); }
};

/// Reads and checks a config. Throws unsupported for a key or value that would change the result
/// and is not implemented, corrupt_file for an invalid one.
AutoencoderTinyConfig autoencoder_tiny_config(const json::Json& config);

/// Input: "pixels" u8 [frames, height, width, 3]. Output: "latents" f32 [frames, height / f,
/// width / f, latent_channels] with f = vae_scale_factor(), scaled for the diffusion model. Throws
/// invalid_argument for an invalid shape.
graph::Graph build_encoder(const AutoencoderTinyConfig& config, const ImageShape& shape);
/// Input: "latents" as above. Outputs: "pixels" u8 [frames, height, width, 3] and, if shape.image,
/// "image" f32 of the same shape. Throws invalid_argument for an invalid shape.
graph::Graph build_decoder(const AutoencoderTinyConfig& config, const ImageShape& shape);

}  // namespace streamdiffusion::models
