#include "session/model.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/input_file.h"
#include "models/count_parameters.h"
#include "models/presets.h"
#include "schedule/scheduler_config.h"
#include "session/choose_recipe.h"
#include "weights/hash_weights.h"
#include "weights/safetensors_folder.h"

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

std::string_view component_name(Component component) {
  switch (component) {
    case Component::text:
      return "text_encoder";
    case Component::text_2:
      return "text_encoder_2";
    case Component::unet:
      return "unet";
    case Component::autoencoder:
      return "vae";
  }
  return "";
}

/// What UNets with more input channels than latents usually are.
const char* what_takes(std::int64_t channels) {
  if (channels == 9) return " (an inpainting model, which is not implemented)";
  if (channels == 8) return " (InstructPix2Pix or an upscaler, which are not implemented)";
  return "";
}

/// The schedule's own errors name a key; here they name its file too.
schedule::Schedule schedule_of(const json::Json& file) {
  const schedule::SchedulerConfig config = schedule::scheduler_config(file);
  try {
    return schedule::Schedule(config);
  } catch (const Error& error) {
    base::fail(error.code(), file.file(), ": ", error);
  }
}

}  // namespace

Model Model::open(const EngineOptions& options) {
  base::require(options.model.empty() != options.random_weights.empty(),
                ErrorCode::invalid_argument,
                "give either a model folder or an architecture with random weights");
  Model model;
  model.prompt_syntax_ = options.prompt_syntax;
  if (options.model.empty()) {
    model.open_preset(options);
  } else {
    model.open_stored(options);
  }
  model.check_parts();
  model.check_and_count();
  model.open_loras(options.lora_dict);
  model.open_controlnets(options.controlnets);
  model.open_ip_adapters(options.ip_adapters);
  return model;
}

void Model::open_stored(EngineOptions options) {
  options.model = weights::or_only_file_in(options.model).string();
  if (base::is_file(options.model)) return open_parts(options, parts_of_file(options));
  folder_ = options.model;
  open_parts(options, parts_of_folder(options));
}

void Model::check_without_weights(const std::string& folder) {
  const EngineOptions options{.model = folder};
  Model model;
  model.folder_ = folder;
  model.open_parts(options, parts_of_folder(options, OwnWeights::left_out));
  model.check_parts();
  model.check_and_count();
}

/// SDXL's encoders give their penultimate state, and the second one the pooled embedding as well.
void Model::set_text_encoders(std::vector<models::ClipTextConfig> configs) {
  using models::ClipTextOutput;
  const bool two = configs.size() > 1;
  text_encoders_ = {{.component = Component::text,
                     .config = configs.front(),
                     .output = two ? ClipTextOutput::penultimate : ClipTextOutput::last}};
  if (two) {
    text_encoders_.push_back({.component = Component::text_2,
                              .config = configs.back(),
                              .output = ClipTextOutput::penultimate_and_projected});
  }
}

void Model::check_parts() const {
  std::int64_t width = 0;
  for (const TextEncoder& encoder : text_encoders_) width += encoder.config.layer.width;
  const bool two = text_encoders_.size() > 1;
  base::require(unet_.cross_attention_dim == width, ErrorCode::corrupt_file, name_,
                ": the UNet's \"cross_attention_dim\" is ", unet_.cross_attention_dim,
                two ? ", the sum of the text encoders' \"hidden_size\" "
                    : ", the text encoder's \"hidden_size\" ",
                width);
  base::require(two == (unet_.pooled_dim > 0), ErrorCode::unsupported, name_, ": the UNet's ",
                "\"addition_embed_type\" is ", unet_.pooled_dim > 0 ? "\"text_time\"" : "null",
                " with ", text_encoders_.size(),
                " text encoder(s); expected \"text_time\" with two, null with one");
  const std::int64_t pooled = text_encoders_.back().config.projection;
  base::require(!two || unet_.pooled_dim == pooled, ErrorCode::corrupt_file, name_,
                ": the UNet expects a pooled text embedding of ", unet_.pooled_dim,
                " channels, the second text encoder's \"projection_dim\" is ", pooled);
  base::require(unet_.in_channels == latent_channels() && unet_.out_channels == latent_channels(),
                ErrorCode::corrupt_file, name_, ": the UNet has ", unet_.in_channels,
                " channels in and ", unet_.out_channels, " out, the autoencoder's latents ",
                latent_channels(), what_takes(unet_.in_channels));
}

void Model::set_tokenizers(
    const std::vector<std::shared_ptr<const tokenizer::Tokenizer>>& tokenizers) {
  for (std::size_t i = 0; i < text_encoders_.size(); ++i) {
    TextEncoder& encoder = text_encoders_[i];
    encoder.tokenizer = tokenizers[i];
    const char* which = i == 0 ? "tokenizer" : "tokenizer_2";
    base::require(encoder.tokenizer->vocab_size() <= encoder.config.vocabulary,
                  ErrorCode::corrupt_file, name_, ": the ", which, " has ",
                  encoder.tokenizer->vocab_size(), " tokens, the text encoder's \"vocab_size\" is ",
                  encoder.config.vocabulary);
    tokens_ = text_encoders_.front().tokenizer->length();
    base::require(encoder.tokenizer->length() == tokens_, ErrorCode::corrupt_file, name_,
                  ": the tokenizers give ", tokens_, " and ", encoder.tokenizer->length(),
                  " tokens a prompt, expected the same");
  }
}

void Model::open_parts(const EngineOptions& options, ModelParts parts) {
  name_ = parts.name;
  unet_ = models::unet_config(parts.unet.config);
  std::vector<models::ClipTextConfig> texts;
  for (const weights::FileComponent& text : parts.text_encoders) {
    texts.push_back(models::clip_text_config(text.config));
  }
  set_text_encoders(std::move(texts));
  autoencoder_ = models::autoencoder_config(parts.autoencoder.config);
  schedule_ = schedule_of(parts.scheduler);
  set_tokenizers(parts.tokenizers);
  zeros_without_negative_ = unet_.pooled_dim > 0 && parts.zeros_without_negative;
  const auto open = [&](Component component, const weights::FileComponent& part) {
    const std::string path = std::filesystem::absolute(part.path).lexically_normal().string();
    sources_[index(component)] = part.weights;
    scopes_[index(component)] = path + "/" + std::string(component_name(component));
  };
  for (std::size_t i = 0; i < text_encoders_.size(); ++i) {
    open(text_encoders_[i].component, parts.text_encoders[i]);
  }
  open(Component::unet, parts.unet);
  open(Component::autoencoder, parts.autoencoder);
  recipe_ = choose_recipe(options, parts.defaults.has_value());
  const weights::ModelDefaults own = parts.defaults.value_or(weights::ModelDefaults());
  weights::ModelDefaults defaults = recipe_ ? recipe_->defaults : own;
  if (!defaults.prompt) defaults.prompt = own.prompt;
  if (!defaults.prompt && folder_.empty()) defaults.prompt = "an image";
  if (!defaults.negative_prompt) defaults.negative_prompt = own.negative_prompt;
  set_defaults(defaults);
  if (!defaults_.scheduler && parts.scheduler_class == "TCDScheduler") {
    defaults_.scheduler = text_defaults_.scheduler = Scheduler::tcd;
  }
  notes_ = std::move(parts.notes);
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
  std::vector<models::ClipTextConfig> texts{
      models::clip_text_config(parse(preset.text_encoder, Component::text))};
  if (!preset.text_encoder_2.empty()) {
    texts.push_back(models::clip_text_config(parse(preset.text_encoder_2, Component::text_2)));
  }
  set_text_encoders(std::move(texts));
  autoencoder_ = models::autoencoder_config(parse(preset.autoencoder, Component::autoencoder));
  zeros_without_negative_ = unet_.pooled_dim > 0;
  tokens_ = static_cast<int>(text_encoders_.front().config.positions);
  for (const Component component :
       {Component::text, Component::text_2, Component::unet, Component::autoencoder}) {
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

/// Every tensor is compared before anything is compiled, on graphs of the smallest size. Of a
/// component without weights its graphs are made.
void Model::check_and_count() {
  const int side = factor() * (1 << (unet_.levels.size() - 1));
  const auto f32 = tensor::DType::f32;
  const auto check = [&](Component component, const std::vector<graph::Graph>& graphs) {
    const auto& source = sources_[index(component)];
    if (source) source->check(models::required_tensors(graphs));
    for (const graph::Graph& graph : graphs)
      parameters_ += models::count_parameters(graph).parameters;
  };
  for (std::size_t i = 0; i < text_encoders_.size(); ++i) {
    check(text_encoders_[i].component, {text_graph(i, f32)});
  }
  check(Component::unet, {unet_graph(unet_shape({0}, 1, side, side, f32))});
  check(Component::autoencoder,
        {encoder_graph(1, side, side, f32), decoder_graph(1, side, side, false, f32)});
}

tokenizer::Tokens Model::tokenize(const std::string& prompt, std::size_t encoder) const {
  const TextEncoder& text = text_encoders_[encoder];
  if (text.tokenizer) return text.tokenizer->encode(prompt, prompt_syntax_);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens_), 0);
  const std::size_t used = std::min(ids.size(), prompt.size());
  for (std::size_t i = 0; i < used; ++i) {
    ids[i] =
        static_cast<unsigned char>(prompt[i]) % static_cast<std::int32_t>(text.config.vocabulary);
  }
  return {.ids = std::move(ids), .used = static_cast<int>(used)};
}

std::size_t Model::end_of_text(const tokenizer::Tokens& tokens, std::size_t encoder) const {
  const auto& tokenizer = text_encoders_[encoder].tokenizer;
  if (!tokenizer) return static_cast<std::size_t>(std::max(tokens.used, 1) - 1);
  const auto first = std::ranges::find(tokens.ids, tokenizer->eos_id());
  return static_cast<std::size_t>(first - tokens.ids.begin());
}

graph::Graph Model::text_graph(std::size_t encoder, tensor::DType dtype) const {
  const TextEncoder& text = text_encoders_[encoder];
  return models::build_clip_text(
      text.config, {.prompts = 1, .tokens = tokens_, .activations = dtype, .output = text.output});
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
  std::vector<models::ControlNetConfig> nets;
  for (const OpenedControlNet& net : controlnets_) nets.push_back(net.config);
  return models::build_unet(unet_, shape, nets);
}

graph::Graph Model::encoder_graph(int frames, int height, int width, tensor::DType dtype) const {
  return models::build_encoder(
      autoencoder_,
      {.frames = frames, .height = height, .width = width, .activations = autoencoder_type(dtype)});
}

graph::Graph Model::decoder_graph(int frames, int height, int width, bool image,
                                  tensor::DType dtype) const {
  return models::build_decoder(autoencoder_, {.frames = frames,
                                              .height = height,
                                              .width = width,
                                              .activations = autoencoder_type(dtype),
                                              .image = image});
}

}  // namespace streamdiffusion::session
