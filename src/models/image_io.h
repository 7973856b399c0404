// The edges that every autoencoder shares: pixels and scaled latents on the outside, the network's
// own numbers inside.
#pragma once

#include <cstdint>
#include <string_view>

#include "graph/builder.h"

namespace streamdiffusion::models {

class ConfigReader;

struct ImageShape {
  std::int64_t frames = 1;
  /// Of the image; multiples of the autoencoder's factor.
  std::int64_t height = 512, width = 512;
  tensor::DType activations = tensor::DType::f32;
  /// Decoders: also output "image", f32 in -1…1 before rounding, not clamped.
  bool image = false;
};

/// The diffusion model works on (z - shift) * scale, where z is what the encoder computes.
struct LatentScale {
  float scale = 1, shift = 0;
};

/// Reads "scaling_factor" and "shift_factor". Throws corrupt_file for what cannot be one.
LatentScale read_latent_scale(ConfigReader& config, double default_scale);

/// Throws invalid_argument unless the image is at least 1 x 1, at most 65536 a side, and divides
/// by `factor`.
void check_image(const ImageShape& shape, std::int64_t factor, std::string_view model);

/// Input "pixels" u8 [frames,height,width,3] as scale * u + shift.
graph::Value pixels_input(graph::Builder& b, const ImageShape& shape, float scale, float shift);
/// Output "latents" f32, scaled.
void latents_output(graph::Builder& b, graph::Value z, LatentScale latent);
/// Input "latents" f32 [frames,height/factor,width/factor,channels], unscaled, still f32.
graph::Value latents_input(graph::Builder& b, const ImageShape& shape, std::int64_t factor,
                           std::int64_t channels, LatentScale latent);
/// Outputs "pixels" u8 and, if asked for, "image" = scale * y + shift.
void image_outputs(graph::Builder& b, const ImageShape& shape, graph::Value y, float scale,
                   float shift);

}  // namespace streamdiffusion::models
