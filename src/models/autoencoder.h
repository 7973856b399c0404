// AutoencoderTiny or AutoencoderKL, chosen by the config's "_class_name".
#pragma once

#include <variant>

#include "models/autoencoder_kl.h"
#include "models/autoencoder_tiny.h"

namespace streamdiffusion::models {

using AutoencoderConfig = std::variant<AutoencoderTinyConfig, AutoencoderKlConfig>;

/// Reads vae/config.json. Throws unsupported for another class and for keys or values that are not
/// implemented, corrupt_file for invalid ones.
AutoencoderConfig autoencoder_config(const json::Json& config);

/// Image pixels per latent pixel along one side (diffusers' vae_scale_factor).
std::int64_t vae_scale_factor(const AutoencoderConfig& config);
/// Channels of the latents.
std::int64_t latent_channels(const AutoencoderConfig& config);

/// The type in which the autoencoder computes where the rest of the model does in `wanted`: bf16,
/// which has the range of f32, instead of f16 if f16 does not hold its activations. diffusers takes
/// f32 there, which cards multiply many times slower.
tensor::DType activations_of(const AutoencoderConfig& config, tensor::DType wanted);

/// See autoencoder_tiny.h and autoencoder_kl.h: "pixels" -> "latents", and back.
graph::Graph build_encoder(const AutoencoderConfig& config, const ImageShape& shape);
graph::Graph build_decoder(const AutoencoderConfig& config, const ImageShape& shape);

}  // namespace streamdiffusion::models
