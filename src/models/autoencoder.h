// Either autoencoder, as its config's "_class_name" says.
#pragma once

#include <variant>

#include "models/autoencoder_kl.h"
#include "models/autoencoder_tiny.h"

namespace streamdiffusion::models {

using AutoencoderConfig = std::variant<AutoencoderTinyConfig, AutoencoderKlConfig>;

/// Reads vae/config.json. Throws unsupported for another class or for what the class does not
/// implement, corrupt_file for nonsense.
AutoencoderConfig autoencoder_config(const json::Json& config);

/// Image pixels a latent pixel covers along one side.
std::int64_t factor(const AutoencoderConfig& config);
std::int64_t latent_channels(const AutoencoderConfig& config);

/// As for each class: "pixels" -> "latents" and back.
graph::Graph build_encoder(const AutoencoderConfig& config, const ImageShape& shape);
graph::Graph build_decoder(const AutoencoderConfig& config, const ImageShape& shape);

}  // namespace streamdiffusion::models
