// The ControlNets that a model is opened with.
#include <filesystem>

#include "base/error.h"
#include "base/input_file.h"
#include "control/preprocessor_of.h"
#include "models/count_parameters.h"
#include "params/limits.h"
#include "session/model.h"
#include "streamdiffusion/names.h"
#include "weights/controlnet_file.h"
#include "weights/hash_weights.h"
#include "weights/model_folder.h"
#include "weights/safetensors_folder.h"
#include "weights/weight_store.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;

/// In place of a folder: the UNet's own shape, with random weights as the model's.
constexpr const char* kRandomNet = "random";

/// Replaces an automatic preprocessor by that of the net's name. Returns what a person is told.
std::string choose_preprocessor(ControlNet& net) {
  Preprocessor& preprocessor = net.settings.image.preprocessor;
  if (preprocessor != Preprocessor::automatic) {
    return "control images: " + name_of(kPreprocessors, preprocessor);
  }
  const auto named = control::preprocessor_of(net.model);
  preprocessor = named ? named->preprocessor : Preprocessor::passthrough;
  const std::string word = name_of(kPreprocessors, preprocessor);
  if (!named) {
    return "its name tells no preprocessor, so the frames themselves are its control images "
           "(passthrough)";
  }
  if (!named->needs_network) {
    return base::concat("control images: ", word, ", by \"", named->word, "\" in its name");
  }
  return base::concat("its name says \"", named->word, "\", which no preprocessor makes: the ",
                      "frames must be such images themselves (passthrough)");
}

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
  base::require(controlnets.size() <= params::kMaxControlNets, ErrorCode::invalid_argument,
                "controlnets has ", controlnets.size(), " entries, expected at most ",
                params::kMaxControlNets);
  for (const ControlNet& net : controlnets) open_controlnet(net);
}

Model::OpenedControlNet Model::open_network(const ControlNet& net) const {
  const bool random_weights = text_encoders_.front().tokenizer == nullptr;
  if (random_weights && net.model == kRandomNet) {
    return {.config = models::controlnet_of(unet_),
            .source = std::make_shared<weights::HashWeights>(),
            .scope = base::concat(kRandomNet, controlnets_.size())};
  }
  const std::string scope = std::filesystem::absolute(net.model).lexically_normal().string();
  std::error_code ignored;
  base::require(net.model != kRandomNet || std::filesystem::exists(net.model, ignored),
                ErrorCode::invalid_argument, "controlnet ", kRandomNet,
                " goes with random_weights; expected a folder, a file or a name");
  const std::filesystem::path path = weights::or_only_file_in(net.model);
  if (!base::is_file(path)) {
    return {.config = models::controlnet_config(weights::read_component_config(path)),
            .source = std::make_shared<weights::WeightStore>(path),
            .scope = scope};
  }
  weights::ControlNetFile file = weights::open_controlnet_file(path);
  OpenedControlNet opened{.config = file.config ? models::controlnet_config(*file.config)
                                                : models::controlnet_of(unet_),
                          .source = std::move(file.weights),
                          .scope = scope};
  if (!file.config) opened.config.embedding_channels = std::move(file.embedding_channels);
  return opened;
}

void Model::open_controlnet(const ControlNet& net) {
  OpenedControlNet opened = open_network(net);
  base::require(models::control_factor(opened.config) == factor(), ErrorCode::invalid_argument,
                net.model, ": its control image is ", models::control_factor(opened.config),
                " times larger than the latents, the model's images ", factor(), " times");
  const std::size_t number = controlnets_.size();
  controlnets_.push_back(opened);
  controlnet_options_.push_back(net);
  const std::string by = choose_preprocessor(controlnet_options_.back());
  const int side = factor() * (1 << (unet_.levels.size() - 1));
  models::UNetShape shape = unet_shape({0}, 1, side, side, tensor::DType::f32);
  shape.controlnets = {static_cast<int>(number)};
  std::vector<tensor::TensorSpec> tensors;
  try {
    tensors = tensors_of(number, unet_graph(shape));
  } catch (const base::Error& error) {
    base::fail(error.code(), net.model, ": ", error);
  }
  const graph::Graph embedding =
      control_graph(static_cast<int>(number), 1, side, side, tensor::DType::f32);
  tensors.insert(tensors.end(), embedding.weights.begin(), embedding.weights.end());
  opened.source->check(tensors);
  notes_.push_back(base::concat("ControlNet ", net.model, ": ", tensors.size(), " tensors, ",
                                models::residual_count(opened.config), " residuals, scale ",
                                net.settings.scale, ", ", by));
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
