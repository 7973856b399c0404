// Dispatches to the autoencoder that the config holds.
#include "models/autoencoder.h"

#include "models/config_reader.h"

namespace streamdiffusion::models {

AutoencoderConfig autoencoder_config(const json::Json& config) {
  const json::Json name = config.at("_class_name");
  if (name.string() == "AutoencoderTiny") return autoencoder_tiny_config(config);
  if (name.string() == "AutoencoderKL") return autoencoder_kl_config(config);
  fail_not_implemented(name, R"("AutoencoderTiny" or "AutoencoderKL")");
}

std::int64_t vae_scale_factor(const AutoencoderConfig& config) {
  return std::visit([](const auto& c) { return c.vae_scale_factor(); }, config);
}

std::int64_t latent_channels(const AutoencoderConfig& config) {
  return std::visit([](const auto& c) { return c.latent_channels; }, config);
}

tensor::DType activations_of(const AutoencoderConfig& config, tensor::DType wanted) {
  const auto* kl = std::get_if<AutoencoderKlConfig>(&config);
  const bool upcast = kl != nullptr && kl->force_upcast && wanted == tensor::DType::f16;
  return upcast ? tensor::DType::bf16 : wanted;
}

graph::Graph build_encoder(const AutoencoderConfig& config, const ImageShape& shape) {
  return std::visit([&](const auto& c) { return build_encoder(c, shape); }, config);
}

graph::Graph build_decoder(const AutoencoderConfig& config, const ImageShape& shape) {
  return std::visit([&](const auto& c) { return build_decoder(c, shape); }, config);
}

}  // namespace streamdiffusion::models
