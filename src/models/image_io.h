// The inputs and outputs that all autoencoders share: conversions between 8-bit pixels, the
// network's own value range and scaled latents.
#pragma once

#include <cstdint>
#include <string_view>

#include "graph/builder.h"

namespace streamdiffusion::models {

class ConfigReader;

struct ImageShape {
  /// Images in one call, 1..1024.
  std::int64_t frames = 1;
  /// Of the image, in pixels; multiples of vae_scale_factor().
  std::int64_t height = 512, width = 512;
  tensor::DType activations = tensor::DType::f32;
  /// Decoders only: also output "image", f32, nominally -1..1, before clamping and rounding.
  bool image = false;
};

/// The diffusion model works on (z - shift) * scale, where z is what the encoder computes.
struct LatentScale {
  float scale = 1, shift = 0;
};

/// Reads "scaling_factor" and "shift_factor". Throws corrupt_file for an invalid value.
LatentScale read_latent_scale(ConfigReader& config, double default_scale);

/// Throws invalid_argument unless both sides are multiples of `factor` from 1 to 65536 and `frames`
/// is 1..1024. `model` is what the message calls the network.
void check_image(const ImageShape& shape, std::int64_t factor, std::string_view model);

/// Input "pixels" u8 [frames, height, width, 3], converted to scale * u + shift.
graph::Value pixels_input(graph::Builder& b, const ImageShape& shape, float scale, float shift);
/// Output "latents" f32: (z - shift) * scale.
void latents_output(graph::Builder& b, graph::Value z, LatentScale latent);
/// Input "latents" f32 [frames, height / factor, width / factor, channels], converted to
/// z = latents / scale + shift, in f32.
graph::Value latents_input(graph::Builder& b, const ImageShape& shape, std::int64_t factor,
                           std::int64_t channels, LatentScale latent);
/// Outputs "image" f32 = scale * y + shift, if shape.image, and "pixels" u8 = 127.5 (image + 1).
void image_outputs(graph::Builder& b, const ImageShape& shape, graph::Value y, float scale,
                   float shift);

}  // namespace streamdiffusion::models
