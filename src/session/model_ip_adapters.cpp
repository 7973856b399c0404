// The IP-Adapters that a model is opened with, and their image encoders.
#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/input_file.h"
#include "base/join.h"
#include "models/ip_adapter.h"
#include "params/limits.h"
#include "session/ip_adapter_files.h"
#include "session/model.h"
#include "streamdiffusion/names.h"
#include "weights/hash_weights.h"
#include "weights/model_folder.h"
#include "weights/safetensors.h"
#include "weights/weight_store.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;
using Projection = models::IpAdapterConfig::Projection;
namespace fs = std::filesystem;

const char* name_of(Projection projection) {
  return projection == Projection::plain  ? "plain"
         : projection == Projection::plus ? "plus"
                                          : "full";
}

/// Names that stand for an adapter with random weights.
constexpr const char* kRandomFile = "random";
constexpr const char* kRandomFilePlus = "random-plus";

/// The image encoder that most adapters are made for: ViT-H of h94/IP-Adapter.
models::ClipVisionConfig usual_encoder() {
  return {.image = 224,
          .patch = 14,
          .layer = {.width = 1280,
                    .mlp_width = 5120,
                    .heads = 16,
                    .activation = graph::Activation::gelu},
          .layers = 32,
          .projection = 1024};
}

/// In the shape of the published ones.
models::IpAdapterConfig random_adapter(bool plus, const models::UNetConfig& unet) {
  constexpr std::int64_t kSmallContext = 768, kWide = 1280;
  const models::ClipVisionConfig encoder = usual_encoder();
  models::IpAdapterConfig config{.features = encoder.projection,
                                 .context = unet.cross_attention_dim,
                                 .attentions = models::cross_attentions(unet).all()};
  if (!plus) return config;
  config.projection = Projection::plus;
  config.features = encoder.layer.width;
  config.tokens = 16;
  config.width = config.context <= kSmallContext ? kSmallContext : kWide;
  config.layers = 4;
  config.heads = config.width / models::IpAdapterConfig::kHeadSize;
  config.mlp_width = 4 * config.width;
  return config;
}

/// The only .safetensors file of a folder; a file is itself.
std::string file_of(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  std::vector<std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() == ".safetensors") found.push_back(entry.path().string());
  }
  std::ranges::sort(found);
  base::require(!found.empty(), ErrorCode::not_found, path,
                ": the folder holds no .safetensors file, expected an IP-Adapter");
  base::require(
      found.size() == 1, ErrorCode::invalid_argument, path, ": the folder holds ", found.size(),
      " files, expected the path of one: ", base::joined(found, {}, ", ").substr(0, 1000));
  return found.front();
}

std::string scope_of(const fs::path& path) {
  return fs::absolute(path).lexically_normal().string();
}

/// Where the image encoder of an adapter may be.
std::vector<fs::path> encoder_folders(const IpAdapter& adapter, const std::string& model) {
  if (!adapter.image_encoder.empty()) return {adapter.image_encoder};
  std::vector<fs::path> folders = image_encoder_folders(fs::absolute(adapter.file));
  if (!model.empty()) folders.push_back(fs::path(model) / "image_encoder");
  return folders;
}

struct FoundEncoder {
  fs::path folder;
  models::ClipVisionConfig config;
};

/// The first that gives features of the adapter's width: by its numbers, whatever its name.
FoundEncoder find_encoder(const IpAdapter& adapter, const models::IpAdapterConfig& config,
                          const std::string& model) {
  std::vector<std::string> seen;
  for (const fs::path& folder : encoder_folders(adapter, model)) {
    if (adapter.image_encoder.empty() && !base::is_there(folder / "config.json")) {
      seen.push_back(folder.string() + " does not exist");
      continue;
    }
    const models::ClipVisionConfig found =
        models::clip_vision_config(weights::read_component_config(folder));
    if (models::fits(config, found)) return {folder, found};
    seen.push_back(base::concat(folder.string(), " has \"projection_dim\" ", found.projection,
                                " and \"hidden_size\" ", found.layer.width));
  }
  const bool projected = models::features_of(config) == models::ClipVisionOutput::projected;
  base::fail(adapter.image_encoder.empty() ? ErrorCode::not_found : ErrorCode::invalid_argument,
             adapter.file, ": expected the folder of an image encoder with \"",
             projected ? "projection_dim" : "hidden_size", "\" ", config.features, "; ",
             base::joined(seen, {}, ", "));
}

std::vector<tensor::TensorSpec> tensors_in(const std::string& path) {
  const weights::SafetensorsFile file(weights::require_safetensors(path));
  std::vector<tensor::TensorSpec> tensors;
  for (const weights::StoredTensor& tensor : file.tensors()) {
    tensors.push_back({tensor.name, tensor.dims});
  }
  return tensors;
}

backend::Weights weights_of(const std::string& scope,
                            std::shared_ptr<const weights::WeightSource> source) {
  return {scope, [source = std::move(source)](const graph::Weight& weight, std::span<float> out) {
            source->read_f32(weight.name, weight.dims, out);
          }};
}

}  // namespace

std::vector<fs::path> image_encoder_folders(const fs::path& adapter) {
  const fs::path folder = adapter.parent_path(), above = folder.parent_path();
  return {folder / "image_encoder", above / "models" / "image_encoder",
          above / "sdxl_models" / "image_encoder"};
}

bool image_encoder_fits(const std::string& adapter, const fs::path& folder) {
  return models::fits(models::ip_adapter_config(tensors_in(adapter), adapter),
                      models::clip_vision_config(weights::read_component_config(folder)));
}

void Model::open_ip_adapters(const std::vector<IpAdapter>& adapters) {
  base::require(adapters.size() <= params::kMaxIpAdapters, ErrorCode::invalid_argument,
                "ip_adapters has ", adapters.size(), " entries, expected at most ",
                params::kMaxIpAdapters);
  for (const IpAdapter& adapter : adapters) open_ip_adapter(adapter);
}

OpenedIpAdapter Model::find_ip_adapter(const IpAdapter& adapter) const {
  const bool random_weights = text_encoders_.front().tokenizer == nullptr;
  const bool plus = adapter.file == kRandomFilePlus;
  std::error_code ignored;
  if ((plus || adapter.file == kRandomFile) && !fs::exists(adapter.file, ignored)) {
    base::require(random_weights, ErrorCode::invalid_argument, "IP-Adapter ", adapter.file,
                  " goes with random_weights; expected a file, a folder or a name");
    const std::string scope = base::concat(adapter.file, ip_adapters_.size());
    return {.config = random_adapter(plus, unet_),
            .encoder = usual_encoder(),
            .source = std::make_shared<weights::HashWeights>(),
            .encoder_source = std::make_shared<weights::HashWeights>(),
            .scope = scope,
            .encoder_scope = scope + "/image_encoder"};
  }
  const std::string file = file_of(adapter.file);
  const models::IpAdapterConfig config = models::ip_adapter_config(tensors_in(file), file);
  const std::int64_t attentions = models::cross_attentions(unet_).all();
  base::require(
      config.context == unet_.cross_attention_dim && config.attentions == attentions,
      ErrorCode::invalid_argument, file, ": the IP-Adapter is of another model: its tokens have ",
      config.context, " channels, and it has keys for ", config.attentions,
      " cross-attentions; the UNet takes ", unet_.cross_attention_dim, " and has ", attentions);
  const FoundEncoder encoder =
      find_encoder({.file = file, .image_encoder = adapter.image_encoder}, config, folder_);
  return {.config = config,
          .encoder = encoder.config,
          .source = std::make_shared<weights::WeightStore>(file),
          .encoder_source = std::make_shared<weights::WeightStore>(encoder.folder),
          .scope = scope_of(file),
          .encoder_scope = scope_of(encoder.folder)};
}

void Model::open_ip_adapter(const IpAdapter& adapter) {
  const OpenedIpAdapter opened = find_ip_adapter(adapter);
  const int number = static_cast<int>(ip_adapters_.size());
  ip_adapters_.push_back(opened);
  ip_adapter_options_.push_back(adapter);
  ImagePrompt& prompt = ip_adapter_options_.back().prompt;
  read_image_files(prompt);
  image_layer_shares(prompt.layers);
  opened.source->check(adapter_tensors(number));
  constexpr std::array<std::string_view, 1> kTextEncoder{"text_model.*"};  // of a whole CLIPModel
  opened.encoder_source->check(
      models::clip_vision_tensors(opened.encoder, models::features_of(opened.config)),
      kTextEncoder);
  const std::string layers = prompt.layers == ImageLayers::whole
                                 ? ""
                                 : ", " + name_of(kImageLayers, prompt.layers) + " alone";
  notes_.push_back(base::concat("IP-Adapter ", adapter.file, ": ",
                                name_of(opened.config.projection), ", ", image_tokens(number),
                                " tokens an image, encoder ", opened.encoder_scope, ", scale ",
                                prompt.scale, layers, ", ", prompt.images.size(),
                                prompt.images.size() == 1 ? " image" : " images"));
}

/// Those of the projection, and the keys and values of the UNet's cross-attentions.
std::vector<tensor::TensorSpec> Model::adapter_tensors(int number) const {
  const int side = factor() * (1 << (unet_.levels.size() - 1));
  models::UNetShape shape = unet_shape({0}, 1, side, side, tensor::DType::f32);
  shape.image_prompts = {{number, 1}};
  std::vector<tensor::TensorSpec> tensors =
      models::image_projection_tensors(ip_adapter(number).config);
  for (const graph::Weight& weight : unet_graph(shape).weights) {
    const auto found = models::ip_adapter_tensor(weight.name);
    if (found) tensors.push_back({std::string(found->name), weight.dims});
  }
  return tensors;
}

int Model::image_tokens(int adapter) const {
  const OpenedIpAdapter& opened = ip_adapter(adapter);
  return static_cast<int>(models::image_tokens(opened.config, opened.encoder));
}

std::vector<models::ImagePromptShape> Model::image_prompt_shapes(
    const std::vector<int>& images) const {
  std::vector<models::ImagePromptShape> shapes;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const int adapter = static_cast<int>(i);
    if (images[i] > 0) shapes.push_back({adapter, images[i] * image_tokens(adapter)});
  }
  return shapes;
}

graph::Graph Model::image_encoder_graph(int adapter, tensor::DType dtype) const {
  const OpenedIpAdapter& opened = ip_adapter(adapter);
  return models::build_clip_vision(opened.encoder, models::features_of(opened.config), dtype);
}

graph::Graph Model::image_projection_graph(int adapter, tensor::DType dtype) const {
  const OpenedIpAdapter& opened = ip_adapter(adapter);
  return models::build_image_projection(opened.config, opened.encoder.tokens(), dtype);
}

backend::Weights Model::image_encoder_weights(int adapter) const {
  return weights_of(ip_adapter(adapter).encoder_scope, ip_adapter(adapter).encoder_source);
}

backend::Weights Model::image_projection_weights(int adapter) const {
  return weights_of(ip_adapter(adapter).scope, ip_adapter(adapter).source);
}

void Model::read_resampler_latents(int adapter, std::span<float> out) const {
  const OpenedIpAdapter& opened = ip_adapter(adapter);
  const std::array dims{std::int64_t{1}, opened.config.tokens, opened.config.width};
  opened.source->read_f32(models::kResamplerLatents, dims, out);
}

backend::Weights Model::with_ip_adapters(backend::Weights unet) const {
  if (ip_adapters_.empty()) return unet;
  const auto read = [adapters = ip_adapters_, own = unet.read](const graph::Weight& weight,
                                                               std::span<float> out) {
    const auto found = models::ip_adapter_tensor(weight.name);
    if (!found) return own(weight, out);
    adapters[found->adapter].source->read_f32(found->name, weight.dims, out);
  };
  const auto variant = [adapters = ip_adapters_, own = unet.variant](const graph::Weight& weight) {
    const auto found = models::ip_adapter_tensor(weight.name);
    if (found) return "\n" + adapters[found->adapter].scope;
    return own ? own(weight) : std::string();
  };
  return {std::move(unet.scope), read, variant};
}

}  // namespace streamdiffusion::session
