// AutoencoderKL, the full autoencoder of Stable Diffusion. Encoding gives the mean of its
// distribution, never a sample: noise of the encoder's own would flicker (docs/algorithm.md, D13).
#pragma once

#include <vector>

#include "graph/graph.h"
#include "json/json.h"
#include "models/image_io.h"

namespace streamdiffusion::models {

struct AutoencoderKlConfig {
  std::int64_t latent_channels = 4;
  /// One a level, the image's own first.
  std::vector<std::int64_t> channels;
  /// Resnets a level in the encoder; one more in the decoder.
  std::int64_t layers = 1;
  int norm_groups = 32;
  bool quant_conv = true, post_quant_conv = true, mid_attention = true;
  LatentScale latent{.scale = 0.18215F};

  /// Image pixels a latent pixel covers along one side: 2^(levels - 1).
  std::int64_t factor() const { return std::int64_t{1} << (channels.size() - 1); }
};

/// Throws unsupported for a key or value that would change the result and is not implemented,
/// corrupt_file for one that makes no sense.
AutoencoderKlConfig autoencoder_kl_config(const json::Json& config);

/// input: "pixels" u8 [frames,height,width,3]. output: "latents" f32
/// [frames,height/factor,width/factor,channels], scaled as the diffusion model wants them.
graph::Graph build_encoder(const AutoencoderKlConfig& config, const ImageShape& shape);
/// The way back: "latents" in; "pixels" and, if asked for, "image" out.
graph::Graph build_decoder(const AutoencoderKlConfig& config, const ImageShape& shape);

}  // namespace streamdiffusion::models
