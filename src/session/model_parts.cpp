#include "session/model_parts.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <string_view>

#include "base/error.h"
#include "base/join.h"
#include "json/quote.h"
#include "models/clip_text.h"
#include "models/unet_config.h"
#include "session/latent_space.h"
#include "tokenizer/clip_vocabulary.h"
#include "weights/single_component.h"
#include "weights/single_file.h"
#include "weights/weight_store.h"

namespace streamdiffusion::session {
namespace {

using base::ErrorCode;
using tokenizer::Tokenizer;
using weights::FileComponent;
namespace fs = std::filesystem;

int positions(const FileComponent& text_encoder) {
  return static_cast<int>(models::clip_text_config(text_encoder.config).positions);
}

FileComponent component_of(const weights::ModelFolder& folder, const char* name,
                           OwnWeights own_weights) {
  const fs::path path = folder.component(name);
  FileComponent found{.config = folder.config(name), .weights = nullptr, .path = path.string()};
  if (own_weights == OwnWeights::opened) {
    found.weights = std::make_shared<weights::WeightStore>(path);
  }
  return found;
}

/// By what model_index.json says, before a configuration is read as that of another class.
void require_class(const weights::ModelFolder& folder, std::string_view component,
                   std::initializer_list<std::string_view> known) {
  if (!folder.has(component)) return;
  const std::string name = folder.class_name(component);
  base::require(std::ranges::find(known, name) != known.end(), ErrorCode::unsupported,
                folder.index().file(), ": ", json::quote(component), " is ", json::quote(name),
                ", which is not implemented; expected ", base::joined(known, {}, " or "));
}

void refuse_other_classes(const weights::ModelFolder& folder) {
  require_class(folder, "unet", {"UNet2DConditionModel"});
  require_class(folder, "vae", {"AutoencoderKL", "AutoencoderTiny"});
  for (const char* text : {"text_encoder", "text_encoder_2"}) {
    require_class(folder, text, {"CLIPTextModel", "CLIPTextModelWithProjection"});
  }
}

void refuse_refiner(const weights::ModelFolder& folder, const std::string& name) {
  base::require(!folder.index().boolean_or("requires_aesthetics_score", false),
                ErrorCode::unsupported, name,
                ": this is a refiner (\"requires_aesthetics_score\" is true), which is not "
                "implemented; expected a base model");
}

bool is_sdxl(const json::Json& unet) {
  return unet.find("addition_embed_type").has_value();
}

/// Of the model's own AutoencoderKL, if it has one.
std::optional<double> own_scale(const std::optional<json::Json>& own) {
  if (!own || own->string_or("_class_name", "") != "AutoencoderKL") return std::nullopt;
  return own->number_or("scaling_factor", weights::kLatentScale);
}

/// The autoencoder that the options name, of the same latents as the model's own.
FileComponent other_autoencoder(const std::string& path, const json::Json& unet,
                                const std::optional<json::Json>& own) {
  const bool sdxl = is_sdxl(unet);
  const double of_family = sdxl ? weights::kLatentScaleXl : weights::kLatentScale;
  const std::optional<double> scale = own_scale(own);
  FileComponent found = weights::open_autoencoder(path, own, scale.value_or(of_family));
  check_latent_space(path, found.config, scale, sdxl);
  return found;
}

const std::string& text_encoder_option(const EngineOptions& options, std::size_t encoder) {
  return encoder == 0 ? options.text_encoder : options.text_encoder_2;
}

void refuse_second_encoder(const EngineOptions& options, std::size_t encoders) {
  base::require(options.text_encoder_2.empty() || encoders > 1, ErrorCode::invalid_argument,
                "text_encoder_2 is ", options.text_encoder_2, ", and ", options.model,
                " has one text encoder; expected none");
}

void add_tokenizers(ModelParts& parts, const std::vector<std::string>& pad_tokens) {
  for (std::size_t i = 0; i < parts.text_encoders.size(); ++i) {
    parts.tokenizers.push_back(std::make_shared<const Tokenizer>(
        tokenizer::clip_tokenizer_texts(pad_tokens[i]), positions(parts.text_encoders[i])));
  }
}

}  // namespace

ModelParts parts_of_folder(const EngineOptions& options, OwnWeights own_weights) {
  const weights::ModelFolder folder(options.model);
  const std::string name = weights::model_name(options.model);
  refuse_refiner(folder, name);
  refuse_other_classes(folder);
  const bool has_autoencoder = folder.has("vae");
  FileComponent unet = options.unet.empty()
                           ? component_of(folder, "unet", own_weights)
                           : weights::open_unet(options.unet, folder.config("unet"));
  FileComponent autoencoder =
      options.vae.empty()
          ? component_of(folder, "vae", own_weights)
          : other_autoencoder(options.vae, unet.config,
                              has_autoencoder ? std::optional(folder.config("vae")) : std::nullopt);
  ModelParts parts{
      .name = name,
      .unet = std::move(unet),
      .autoencoder = std::move(autoencoder),
      .scheduler = folder.config("scheduler"),
      .scheduler_class = folder.class_name("scheduler"),
      .zeros_without_negative = folder.index().boolean_or("force_zeros_for_empty_prompt", true)};
  for (const char* encoder : {"text_encoder", "text_encoder_2"}) {
    const std::size_t number = parts.text_encoders.size();
    if (number == 1 && !folder.has(encoder)) break;
    const std::string& other = text_encoder_option(options, number);
    parts.text_encoders.push_back(other.empty() ? component_of(folder, encoder, own_weights)
                                                : weights::open_text_encoder(other, number == 1));
    parts.tokenizers.push_back(std::make_shared<const Tokenizer>(
        Tokenizer::open(folder.component(number == 0 ? "tokenizer" : "tokenizer_2"),
                        positions(parts.text_encoders.back()))));
  }
  refuse_second_encoder(options, parts.text_encoders.size());
  if (folder.has_defaults()) parts.defaults = folder.defaults();
  return parts;
}

ModelParts parts_of_file(const EngineOptions& options) {
  weights::SingleFile file = weights::open_single_file(options.model, options.unet);
  const auto require_part = [&](const auto& part, std::string_view what, const char* remedy) {
    base::require(part.has_value(), ErrorCode::unsupported, options.model, ": holds no ", what,
                  "; ", remedy);
  };
  require_part(file.unet, "UNet",
               "give one with --unet (a single autoencoder is for --vae, a text encoder for "
               "--text-encoder)");
  const bool two = is_sdxl(file.unet->config);
  if (!options.text_encoder.empty()) {
    file.text_encoder = weights::open_text_encoder(options.text_encoder, false);
  }
  if (!options.text_encoder_2.empty()) {
    file.text_encoder_2 = weights::open_text_encoder(options.text_encoder_2, true);
  }
  const std::string width =
      base::concat(", ", models::unet_config(file.unet->config).cross_attention_dim,
                   " wide as its UNet expects");
  require_part(file.text_encoder, two ? "text encoder" : "text encoder" + width,
               "give one with --text-encoder");
  if (two) {
    require_part(file.text_encoder_2, "second text encoder", "give one with --text-encoder-2");
  }
  refuse_second_encoder(options, two ? 2 : 1);
  if (!options.vae.empty()) {
    file.autoencoder = other_autoencoder(
        options.vae, file.unet->config,
        file.autoencoder ? std::optional(file.autoencoder->config) : std::nullopt);
  }
  require_part(file.autoencoder, "autoencoder", "give one with --vae");
  ModelParts parts{.name = fs::path(options.model).stem().string(),
                   .unet = *file.unet,
                   .autoencoder = *file.autoencoder,
                   .text_encoders = {*file.text_encoder},
                   .scheduler = *file.scheduler};
  if (two) parts.text_encoders.push_back(*file.text_encoder_2);
  add_tokenizers(parts, {file.pad_token, "!"});
  for (const std::string& note : file.notes) {
    parts.notes.push_back(base::concat(options.model, ": ", note));
  }
  return parts;
}

}  // namespace streamdiffusion::session
