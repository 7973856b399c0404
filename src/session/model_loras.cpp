// A model's weights, with the LoRAs added to them.
#include "base/error.h"
#include "models/count_parameters.h"
#include "session/model.h"

namespace streamdiffusion::session {
namespace {

/// The network that a LoRA changes.
std::optional<lora::Network> network_of(Component component) {
  switch (component) {
    case Component::text:
      return lora::Network::text;
    case Component::text_2:
      return lora::Network::text_2;
    case Component::unet:
      return lora::Network::unet;
    case Component::autoencoder:
      break;
  }
  return std::nullopt;
}

}  // namespace

backend::Weights Model::weights(Component component, std::span<const float> lora_scales) const {
  const auto source = sources_[static_cast<std::size_t>(component)];
  const auto read = [source](const graph::Weight& weight, std::span<float> out) {
    source->read_f32(weight.name, weight.dims, out);
  };
  const std::string& scope = scopes_[static_cast<std::size_t>(component)];
  const std::vector<float> scales = effective_lora_scales(component, lora_scales);
  const auto whole = [&](backend::Weights own) {
    return component == Component::unet ? with_ip_adapters(with_controlnets(std::move(own))) : own;
  };
  if (scales.empty()) return whole({scope, read});
  const lora::Network network = *network_of(component);
  return whole(
      {scope,
       [loras = loras_, network, scales, read](const graph::Weight& weight, std::span<float> out) {
         read(weight, out);
         loras.add(network, weight.name, scales, out);
       },
       [loras = loras_, network, scales](const graph::Weight& weight) {
         return loras.variant(network, weight.name, scales);
       }});
}

std::vector<float> Model::effective_lora_scales(Component component,
                                                std::span<const float> scales) const {
  const auto network = network_of(component);
  return network ? loras_.effective(*network, scales) : std::vector<float>();
}

void Model::open_loras(const std::vector<Lora>& loras) {
  if (loras.empty()) return;
  const int side = factor() * (1 << (unet_.levels.size() - 1));
  const auto f32 = tensor::DType::f32;
  const std::vector<graph::Graph> unet{unet_graph(unet_shape({0}, 1, side, side, f32))};
  std::vector<lora::NetworkTensors> networks{{lora::Network::unet, models::required_tensors(unet)}};
  for (std::size_t i = 0; i < text_encoders_.size(); ++i) {
    // All layers: files change the last one too, whose result a penultimate output leaves out.
    const TextEncoder& encoder = text_encoders_[i];
    const bool penultimate = encoder.output == models::ClipTextOutput::penultimate;
    const std::vector<graph::Graph> text{
        penultimate ? models::build_clip_text(encoder.config, {.prompts = 1, .tokens = tokens_})
                    : text_graph(i, f32)};
    networks.push_back({*network_of(encoder.component), models::required_tensors(text)});
  }
  std::vector<std::string> files;
  for (const Lora& lora : loras) {
    files.push_back(lora.file);
    lora_scales_.push_back(lora.scale);
  }
  loras_ = lora::LoraSet(files, lora::ModuleMap(networks));
  lora_options_ = loras;
  for (std::size_t i = 0; i < loras.size(); ++i) {
    notes_.push_back(base::concat("LoRA ", loras[i].file, ": ", loras_[i].summary(), ", scale ",
                                  loras[i].scale));
  }
}

}  // namespace streamdiffusion::session
