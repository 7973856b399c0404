#include "support/tiny_ip_adapter.h"

#include "models/unet.h"
#include "weights/hash_weights.h"
#include "weights/safetensors.h"

namespace streamdiffusion::testing {

using Projection = models::IpAdapterConfig::Projection;

const char* const kTinyImageEncoder = R"({"model_type": "clip_vision_model", "hidden_size": 32,
  "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 12,
  "patch_size": 4, "projection_dim": 20, "hidden_act": "gelu"})";

namespace {

models::UNetConfig unet_of(const TinyModel& model) {
  return models::unet_config(json::Json::read(model.path() + "/unet/config.json"));
}

std::vector<weights::TensorToWrite> hashed(const std::vector<tensor::TensorSpec>& specs,
                                           float gain) {
  std::vector<weights::TensorToWrite> tensors;
  for (const tensor::TensorSpec& spec : specs) {
    std::size_t count = 1;
    for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
    weights::TensorToWrite tensor{spec.name, spec.dims, std::vector<float>(count)};
    weights::HashWeights().read_f32(spec.name, spec.dims, tensor.values);
    for (float& value : tensor.values) value *= gain;
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

void write_tiny_image_encoder(const TemporaryFolder& folder, const std::string& name) {
  folder.write(name + "/config.json", kTinyImageEncoder);
  const auto config = models::clip_vision_config(json::Json::parse(kTinyImageEncoder, name));
  weights::write_safetensors(
      folder.path() / name / "model.safetensors",
      hashed(models::clip_vision_tensors(config, models::ClipVisionOutput::projected), 1));
}

models::IpAdapterConfig tiny_ip_adapter(const TinyModel& model, Projection projection) {
  const models::UNetConfig unet = unet_of(model);
  models::IpAdapterConfig config{.projection = projection,
                                 .features = 20,
                                 .context = unet.cross_attention_dim,
                                 .tokens = 4,
                                 .attentions = models::cross_attentions(unet).all()};
  if (projection == Projection::plain) return config;
  config.features = 32;
  config.width = projection == Projection::plus ? 48 : 32;
  if (projection == Projection::full) config.tokens = 0;
  config.layers = 4;
  config.heads = 1;
  config.mlp_width = 192;
  return config;
}

std::string write_tiny_ip_adapter(const TinyModel& model, const TemporaryFolder& folder,
                                  const std::string& name, const models::IpAdapterConfig& config,
                                  float gain, const std::string& without) {
  std::vector<tensor::TensorSpec> specs = models::image_projection_tensors(config);
  const graph::Graph unet = models::build_unet(
      unet_of(model), {.h = 4, .w = 4, .tokens = 16, .kv_rows = {0}, .image_prompts = {{0, 4}}});
  for (const graph::Weight& weight : unet.weights) {
    const auto found = models::ip_adapter_tensor(weight.name);
    if (found) specs.push_back({std::string(found->name), weight.dims});
  }
  std::erase_if(specs, [&](const tensor::TensorSpec& spec) {
    return spec.name.find(without) != std::string::npos;
  });
  folder.write(name, "");  // makes its folders
  weights::write_safetensors(folder.path() / name, hashed(specs, gain));
  return (folder.path() / name).string();
}

}  // namespace streamdiffusion::testing
