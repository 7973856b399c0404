// AutoencoderTiny (TAESD's architecture): plain 3x3 convolutions of one width, halving or doubling
// between stages.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "json/json.h"
#include "models/image_io.h"

namespace streamdiffusion::models {

struct AutoencoderTinyConfig {
  std::int64_t latent_channels = 4;
  std::int64_t encoder_width = 64, decoder_width = 64;
  /// Residual blocks a stage, in running order.
  std::vector<std::int64_t> encoder_blocks, decoder_blocks;
  graph::Activation activation = graph::Activation::relu;
  LatentScale latent;

  /// Image pixels a latent pixel covers along one side: 2^(stages - 1).
  std::int64_t factor() const { return std::int64_t{1} << (encoder_blocks.size() - 1); }
};

/// Throws unsupported for a key or value that would change the result and is not implemented,
/// corrupt_file for one that makes no sense.
AutoencoderTinyConfig autoencoder_tiny_config(const json::Json& config);

/// input: "pixels" u8 [frames,height,width,3]. output: "latents" f32
/// [frames,height/factor,width/factor,channels], scaled as the diffusion model wants them.
graph::Graph build_encoder(const AutoencoderTinyConfig& config, const ImageShape& shape);
/// The way back: "latents" in; "pixels" and, if asked for, "image" out.
graph::Graph build_decoder(const AutoencoderTinyConfig& config, const ImageShape& shape);

}  // namespace streamdiffusion::models
