#include "support/tiny_controlnet.h"

#include "models/controlnet.h"
#include "models/unet.h"
#include "weights/hash_weights.h"
#include "weights/safetensors.h"

namespace streamdiffusion::testing {

const char* const kTinyControlNet = R"({"_class_name": "ControlNetModel",
  "block_out_channels": [16, 32], "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
  "layers_per_block": 1, "attention_head_dim": 4, "cross_attention_dim": 24, "norm_num_groups": 8,
  "conditioning_embedding_out_channels": [4, 8, 8, 12]})";

namespace {

std::vector<tensor::TensorSpec> tensors_of(const models::ControlNetConfig& net,
                                           const json::Json& unet) {
  const graph::Graph graph = models::build_unet(
      models::unet_config(unet), {.h = 4, .w = 4, .tokens = 16, .kv_rows = {0}, .controlnets = {0}},
      {&net, 1});
  std::vector<tensor::TensorSpec> specs;
  for (const graph::Weight& weight : graph.weights) {
    const auto found = models::controlnet_tensor(weight.name);
    if (found) specs.push_back({std::string(found->name), weight.dims});
  }
  const graph::Graph embedding = models::build_control_embedding(net, {.height = 32, .width = 32});
  specs.insert(specs.end(), embedding.weights.begin(), embedding.weights.end());
  return specs;
}

}  // namespace

std::string write_tiny_controlnet(const TinyModel& model, const TemporaryFolder& folder,
                                  const std::string& name, float gain) {
  folder.write(name + "/config.json", kTinyControlNet);
  const models::ControlNetConfig net =
      models::controlnet_config(json::Json::parse(kTinyControlNet, name));
  std::vector<weights::TensorToWrite> tensors;
  for (const tensor::TensorSpec& spec :
       tensors_of(net, json::Json::read(model.path() + "/unet/config.json"))) {
    std::size_t count = 1;
    for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
    weights::TensorToWrite tensor{spec.name, spec.dims, std::vector<float>(count)};
    weights::HashWeights().read_f32(spec.name, spec.dims, tensor.values);
    for (float& value : tensor.values) value *= gain;
    tensors.push_back(std::move(tensor));
  }
  weights::write_safetensors(folder.path() / name / "diffusion_pytorch_model.safetensors", tensors);
  return (folder.path() / name).string();
}

}  // namespace streamdiffusion::testing
