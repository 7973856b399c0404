// The ControlNets that a model is opened with.
#include <filesystem>

#include "base/error.h"
#include "models/count_parameters.h"
#include "session/model.h"
#include "weights/model_folder.h"
#include "weights/weight_store.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;

constexpr std::size_t kMaximumControlNets = 8;

/// Those of a ControlNet in a UNet's graph, under their names in its file.
std::vector<tensor::TensorSpec> tensors_of(std::size_t number, const graph::Graph& unet) {
  std::vector<tensor::TensorSpec> tensors;
  for (const graph::Weight& weight : unet.weights) {
    const auto found = models::controlnet_tensor(weight.name);
    if (found && found->net == number) tensors.push_back({std::string(found->name), weight.dims});
  }
  return tensors;
}

}  // namespace

void Model::open_controlnets(const std::vector<ControlNet>& controlnets) {
  base::require(controlnets.size() <= kMaximumControlNets, ErrorCode::invalid_argument,
                "controlnets has ", controlnets.size(), " entries, expected at most ",
                kMaximumControlNets);
  for (const ControlNet& net : controlnets) open_controlnet(net);
}

void Model::open_controlnet(const ControlNet& net) {
  std::error_code ignored;
  base::require(!std::filesystem::is_regular_file(net.model, ignored), ErrorCode::unsupported,
                net.model, ": a ControlNet in one file is not implemented; expected a folder with ",
                "config.json and weights");
  const json::Json config = weights::read_component_config(net.model);
  OpenedControlNet opened{
      .config = models::controlnet_config(config),
      .source = std::make_shared<weights::WeightStore>(net.model),
      .scope = std::filesystem::absolute(net.model).lexically_normal().string()};
  base::require(models::control_factor(opened.config) == factor(), ErrorCode::invalid_argument,
                net.model, ": its control image is ", models::control_factor(opened.config),
                " times larger than the latents, the model's images ", factor(), " times");
  const std::size_t number = controlnets_.size();
  controlnets_.push_back(opened);
  controlnet_options_.push_back(net);
  const int side = factor() * (1 << (unet_.levels.size() - 1));
  models::UNetShape shape = unet_shape({0}, 1, side, side, tensor::DType::f32);
  shape.controlnets = {static_cast<int>(number)};
  std::vector<tensor::TensorSpec> tensors;
  try {
    tensors = tensors_of(number, unet_graph(shape));
  } catch (const base::Error& error) {
    base::fail(error.code(), net.model, ": ", error.what());
  }
  const graph::Graph embedding =
      control_graph(static_cast<int>(number), 1, side, side, tensor::DType::f32);
  tensors.insert(tensors.end(), embedding.weights.begin(), embedding.weights.end());
  opened.source->check(tensors);
  notes_.push_back(base::concat("ControlNet ", net.model, ": ", tensors.size(), " tensors, ",
                                models::residual_count(opened.config), " residuals, scale ",
                                net.settings.scale));
}

graph::Graph Model::control_graph(int number, int frames, int height, int width,
                                  tensor::DType dtype) const {
  return models::build_control_embedding(
      controlnet(number),
      {.frames = frames, .height = height, .width = width, .activations = dtype});
}

backend::Weights Model::control_weights(int number) const {
  const OpenedControlNet& net = controlnets_[static_cast<std::size_t>(number)];
  return {net.scope, [source = net.source](const graph::Weight& weight, std::span<float> out) {
            source->read_f32(weight.name, weight.dims, out);
          }};
}

backend::Weights Model::with_controlnets(backend::Weights unet) const {
  if (controlnets_.empty()) return unet;
  const auto read = [nets = controlnets_, own = unet.read](const graph::Weight& weight,
                                                           std::span<float> out) {
    const auto found = models::controlnet_tensor(weight.name);
    if (!found) return own(weight, out);
    nets[found->net].source->read_f32(found->name, weight.dims, out);
  };
  const auto variant = [nets = controlnets_, own = unet.variant](const graph::Weight& weight) {
    const auto found = models::controlnet_tensor(weight.name);
    if (found) return "\n" + nets[found->net].scope;
    return own ? own(weight) : std::string();
  };
  return {std::move(unet.scope), read, variant};
}

}  // namespace streamdiffusion::session
