#include "session/model.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "models/count_parameters.h"
#include "models/presets.h"
#include "session/choose_recipe.h"
#include "weights/hash_weights.h"
#include "weights/model_folder.h"
#include "weights/single_file.h"
#include "weights/weight_store.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;

std::size_t index(Component component) {
  return static_cast<std::size_t>(component);
}

/// Defaults where images come from noise: residual guidance has no input there, and indices that
/// suit an input do not suit noise.
SessionOptions text_defaults(const weights::ModelDefaults& d) {
  SessionOptions options = d.options;
  const SessionOptions& own = d.text_to_image;
  options.t_index_list = own.t_index_list;
  if (options.cfg_type != CfgType::full) options.cfg_type = CfgType::none;
  if (own.cfg_type) options.cfg_type = own.cfg_type;
  if (own.guidance_scale) options.guidance_scale = own.guidance_scale;
  return options;
}

/// The network that a LoRA changes.
std::optional<lora::Network> network_of(Component component) {
  switch (component) {
    case Component::text:
      return lora::Network::text;
    case Component::unet:
      return lora::Network::unet;
    case Component::autoencoder:
      break;
  }
  return std::nullopt;
}

std::string_view component_name(Component component) {
  switch (component) {
    case Component::text:
      return "text_encoder";
    case Component::unet:
      return "unet";
    case Component::autoencoder:
      return "vae";
  }
  return "";
}

}  // namespace

schedule::SchedulerConfig scheduler_config(const json::Json& json) {
  const schedule::SchedulerConfig standard;
  schedule::SchedulerConfig config;
  config.num_train_timesteps = static_cast<int>(
      json.integer_or("num_train_timesteps", standard.num_train_timesteps, 2, 100000));
  config.beta_start = json.number_or("beta_start", standard.beta_start);
  config.beta_end = json.number_or("beta_end", standard.beta_end);
  config.beta_schedule = json.string_or("beta_schedule", standard.beta_schedule);
  config.prediction_type = json.string_or("prediction_type", standard.prediction_type);
  config.original_inference_steps = static_cast<int>(
      json.integer_or("original_inference_steps", standard.original_inference_steps, 1,
                      config.num_train_timesteps));
  config.steps_offset = static_cast<int>(
      json.integer_or("steps_offset", standard.steps_offset, 0, config.num_train_timesteps - 1));
  config.set_alpha_to_one = json.boolean_or("set_alpha_to_one", standard.set_alpha_to_one);
  config.rescale_betas_zero_snr =
      json.boolean_or("rescale_betas_zero_snr", standard.rescale_betas_zero_snr);
  if (json.boolean_or("thresholding", false)) {
    json.at("thresholding").refuse("false: it is not implemented");
  }
  if (const auto betas = json.find("trained_betas")) betas->refuse("null: it is not implemented");
  return config;
}

Model Model::open(const EngineOptions& options) {
  base::require(options.model.empty() != options.random_weights.empty(),
                ErrorCode::invalid_argument,
                "give either a model folder or an architecture with random weights");
  Model model;
  model.prompt_syntax_ = options.prompt_syntax;
  std::error_code ignored;
  if (options.model.empty()) {
    model.open_preset(options);
  } else if (std::filesystem::is_regular_file(options.model, ignored)) {
    model.open_file(options);
  } else {
    model.open_folder(options);
  }
  base::require(model.unet_.cross_attention_dim == model.text_.width, ErrorCode::corrupt_file,
                model.name_, ": the UNet's \"cross_attention_dim\" is ",
                model.unet_.cross_attention_dim, ", the text encoder's \"hidden_size\" ",
                model.text_.width);
  base::require(model.unet_.in_channels == model.latent_channels() &&
                    model.unet_.out_channels == model.latent_channels(),
                ErrorCode::corrupt_file, model.name_, ": the UNet has ", model.unet_.in_channels,
                " channels in and ", model.unet_.out_channels, " out, the autoencoder's latents ",
                model.latent_channels());
  model.check_and_count();
  model.open_loras(options.lora_dict);
  return model;
}

void Model::open_folder(const EngineOptions& options) {
  const weights::ModelFolder folder(options.model);
  const std::filesystem::path autoencoder =
      options.vae.empty() ? folder.component("vae") : std::filesystem::path(options.vae);
  const weights::FileComponent opened_autoencoder = weights::open_autoencoder(autoencoder);
  name_ = weights::model_name(options.model);
  unet_ = models::unet_config(folder.config("unet"));
  text_ = models::clip_text_config(folder.config("text_encoder"));
  autoencoder_ = models::autoencoder_config(opened_autoencoder.config);
  schedule_ = schedule::Schedule(scheduler_config(folder.config("scheduler")));
  tokenizer_ = std::make_shared<const tokenizer::Tokenizer>(
      tokenizer::Tokenizer::open(folder.component("tokenizer"), static_cast<int>(text_.positions)));
  base::require(tokenizer_->vocab_size() <= text_.vocabulary, ErrorCode::corrupt_file, name_,
                ": the tokenizer has ", tokenizer_->vocab_size(),
                " tokens, the text encoder's \"vocab_size\" is ", text_.vocabulary);
  tokens_ = tokenizer_->length();
  const std::filesystem::path folders[]{folder.component("text_encoder"), folder.component("unet"),
                                        autoencoder};
  for (std::size_t i = 0; i < std::size(folders); ++i) {
    if (i == index(Component::autoencoder)) {
      sources_[i] = opened_autoencoder.weights;
    } else {
      sources_[i] = std::make_shared<weights::WeightStore>(folders[i]);
    }
    scopes_[i] = std::filesystem::absolute(folders[i]).lexically_normal().string();
  }
  folder_ = options.model;
  recipe_ = choose_recipe(options, folder.has_defaults());
  const weights::ModelDefaults& own = folder.defaults();
  weights::ModelDefaults defaults = recipe_ ? recipe_->defaults : own;
  if (!defaults.prompt) defaults.prompt = own.prompt;
  if (!defaults.negative_prompt) defaults.negative_prompt = own.negative_prompt;
  set_defaults(defaults);
  if (!defaults_.scheduler && folder.class_name("scheduler") == "TCDScheduler") {
    defaults_.scheduler = text_defaults_.scheduler = Scheduler::tcd;
  }
}

void Model::open_preset(const EngineOptions& options) {
  const std::string& name = options.random_weights;
  const models::Preset& preset = models::find_preset(name);
  const auto parse = [&](std::string_view text, Component component) {
    return json::Json::parse(text,
                             name + "/" + std::string(component_name(component)) + "/config.json");
  };
  name_ = name + " (random weights)";
  unet_ = models::unet_config(parse(preset.unet, Component::unet));
  text_ = models::clip_text_config(parse(preset.text_encoder, Component::text));
  autoencoder_ = models::autoencoder_config(parse(preset.autoencoder, Component::autoencoder));
  tokens_ = static_cast<int>(text_.positions);
  for (const Component component : {Component::text, Component::unet, Component::autoencoder}) {
    sources_[index(component)] = std::make_shared<weights::HashWeights>();
    scopes_[index(component)] = name + "/" + std::string(component_name(component));
  }
  recipe_ = choose_recipe(options, false);
  if (recipe_) set_defaults(recipe_->defaults);
  sample_prompt_ = "an image";
}

void Model::set_defaults(const weights::ModelDefaults& defaults) {
  defaults_ = defaults.options;
  text_defaults_ = text_defaults(defaults);
  sample_prompt_ = defaults.prompt.value_or("");
  sample_negative_prompt_ = defaults.negative_prompt.value_or("");
}

/// Every tensor is compared before anything is compiled, on graphs of the smallest size.
void Model::check_and_count() {
  const int side = factor() * (1 << (unet_.levels.size() - 1));
  const auto f32 = tensor::DType::f32;
  const std::vector<graph::Graph> graphs[]{
      {text_graph(f32)},
      {unet_graph(unet_shape({0}, 1, side, side, f32))},
      {encoder_graph(1, side, side, f32), decoder_graph(1, side, side, false, f32)},
  };
  for (std::size_t i = 0; i < std::size(graphs); ++i) {
    sources_[i]->check(models::required_tensors(graphs[i]));
    for (const graph::Graph& graph : graphs[i])
      parameters_ += models::count_parameters(graph).parameters;
  }
}

tokenizer::Tokens Model::tokenize(const std::string& prompt) const {
  if (tokenizer_) return tokenizer_->encode(prompt, prompt_syntax_);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens_), 0);
  for (std::size_t i = 0; i < std::min(ids.size(), prompt.size()); ++i) {
    ids[i] = static_cast<unsigned char>(prompt[i]) % static_cast<std::int32_t>(text_.vocabulary);
  }
  return {.ids = std::move(ids)};
}

graph::Graph Model::text_graph(tensor::DType dtype) const {
  return models::build_clip_text(text_, {.prompts = 1, .tokens = tokens_, .activations = dtype});
}

models::UNetShape Model::unet_shape(const std::vector<int>& kv_rows, int prompts, int height,
                                    int width, tensor::DType dtype) const {
  return {.rows = static_cast<std::int64_t>(kv_rows.size()),
          .h = height / factor(),
          .w = width / factor(),
          .prompts = prompts,
          .tokens = tokens_,
          .kv_rows = kv_rows,
          .activations = dtype};
}

graph::Graph Model::unet_graph(const models::UNetShape& shape) const {
  return models::build_unet(unet_, shape);
}

graph::Graph Model::encoder_graph(int frames, int height, int width, tensor::DType dtype) const {
  return models::build_encoder(
      autoencoder_, {.frames = frames, .height = height, .width = width, .activations = dtype});
}

graph::Graph Model::decoder_graph(int frames, int height, int width, bool image,
                                  tensor::DType dtype) const {
  return models::build_decoder(
      autoencoder_,
      {.frames = frames, .height = height, .width = width, .activations = dtype, .image = image});
}

backend::Weights Model::weights(Component component, std::span<const float> lora_scales) const {
  const auto source = sources_[index(component)];
  const auto read = [source](const graph::Weight& weight, std::span<float> out) {
    source->read_f32(weight.name, weight.dims, out);
  };
  const std::vector<float> scales = effective_lora_scales(component, lora_scales);
  if (scales.empty()) return {scopes_[index(component)], read};
  const lora::Network network = *network_of(component);
  return {
      scopes_[index(component)],
      [loras = loras_, network, scales, read](const graph::Weight& weight, std::span<float> out) {
        read(weight, out);
        loras.add(network, weight.name, scales, out);
      },
      [loras = loras_, network, scales](const graph::Weight& weight) {
        return loras.variant(network, weight.name, scales);
      }};
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
  const std::vector<graph::Graph> text{text_graph(f32)},
      unet{unet_graph(unet_shape({0}, 1, side, side, f32))};
  const std::vector<lora::NetworkTensors> networks{
      {lora::Network::unet, models::required_tensors(unet)},
      {lora::Network::text, models::required_tensors(text)}};
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
