#include "weights/single_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "json/quote.h"
#include "weights/ldm_keys.h"
#include "weights/ldm_names.h"
#include "weights/model_folder.h"
#include "weights/renamed_weights.h"
#include "weights/tensor_problems.h"
#include "weights/weight_store.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using Object = nlohmann::json;
using File = std::shared_ptr<const SafetensorsFile>;

// Behind a component's prefix: what training and other programs leave there.
const std::vector<std::string_view> kLeftOfUNet{};
const std::vector<std::string_view> kLeftOfText{"*position_ids", "*attn_mask", "logit_scale",
                                                "text_projection", "text_projection.weight"};
const std::vector<std::string_view> kLeftOfAutoencoder{"loss.*", "model_ema.*"};

constexpr std::array<std::string_view, 13> kLeftByTraining{
    "model_ema.*", "alphas_cumprod*", "betas",       "sqrt_*", "posterior_*",
    "log_one_*",   "denoiser.*",      "embedding_*", "loss.*", "global_step",
    "v_pred",      "ztsnr",           "lvlb_weights"};

/// Anywhere in a key, and what it then is a file of.
struct Sign {
  std::string_view text;
  const char* what;
};
constexpr std::array kOtherModels{
    Sign{"joint_blocks.", "Stable Diffusion 3"},
    Sign{"double_blocks.", "FLUX"},
    Sign{"control_model.", "a ControlNet"},
    Sign{"controlnet_cond_embedding.", "a ControlNet"},
    Sign{"zero_convs.", "a ControlNet"},
    Sign{"edm_mean", "Playground 2.5, which scales its latents otherwise"},
    Sign{"edm_vpred.", "an EDM v-prediction model"},
};

bool is_lora_key(std::string_view name) {
  return name.starts_with("lora_") || name.find(".lora_") != std::string_view::npos ||
         name.find("_lora.") != std::string_view::npos || name.ends_with(".alpha");
}

void refuse_other_models(const SafetensorsFile& file) {
  const std::string path = file.path().string();
  for (const StoredTensor& tensor : file.tensors()) {
    base::require(!is_lora_key(tensor.name), ErrorCode::unsupported, path,
                  ": this is a LoRA (tensor ", json::quote(tensor.name),
                  "); give it beside a model, with --lora");
    for (const Sign& sign : kOtherModels) {
      base::require(tensor.name.find(sign.text) == std::string::npos, ErrorCode::unsupported, path,
                    ": this is ", sign.what, " (tensor ", json::quote(tensor.name),
                    "); expected Stable Diffusion 1, 2 or SDXL");
    }
  }
}

/// The first prefix under which a key exists.
std::optional<std::string> prefix_with(const SafetensorsFile& file,
                                       std::initializer_list<const char*> prefixes,
                                       std::string_view key) {
  for (const char* prefix : prefixes) {
    const std::string name = prefix + std::string(key);
    const bool there = std::ranges::any_of(
        file.tensors(), [&](const StoredTensor& tensor) { return tensor.name == name; });
    if (there) return prefix;
  }
  return std::nullopt;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// One opened file while it is being told apart.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : file_(std::make_shared<const SafetensorsFile>(require_safetensors(path))),
        metadata_(file_->metadata()) {
    refuse_other_models(*file_);
  }

  SingleFile read() {
    read_unet();
    read_autoencoder();
    read_text();
    base::require(out_.unet || out_.autoencoder || out_.text_encoder, ErrorCode::unsupported,
                  file_->path().string(), ": holds no part of Stable Diffusion 1, 2 or SDXL",
                  first_key(), "; expected keys such as \"model.diffusion_model.input_blocks...\"");
    if (out_.unet) {
      const Object scheduler{{"_class_name", "LCMScheduler"},
                             {"beta_schedule", "scaled_linear"},
                             {"beta_start", 0.00085},
                             {"beta_end", 0.012},
                             {"num_train_timesteps", 1000},
                             {"prediction_type", prediction()},
                             {"rescale_betas_zero_snr", has("ztsnr")}};
      out_.scheduler = config(scheduler.dump(), "scheduler");
      suggest();
    }
    name_left_over();
    return std::move(out_);
  }

 private:
  bool has(std::string_view name) const {
    return std::ranges::any_of(file_->tensors(),
                               [&](const StoredTensor& tensor) { return tensor.name == name; });
  }
  std::string first_key() const {
    return file_->tensors().empty()
               ? ""
               : " (its first tensor is " + json::quote(file_->tensors().front().name) + ")";
  }
  std::string metadata(const char* key) const {
    const auto found = metadata_.find(key);
    return found == metadata_.end() ? "" : found->second;
  }

  json::Json config(const std::string& text, const char* part) const {
    return json::Json::parse(text, base::concat(file_->path().string(), ": ", part));
  }

  void read_unet() {
    const auto prefix = prefix_with(*file_, {"model.diffusion_model.", "diffusion_model.", ""},
                                    "input_blocks.0.0.weight");
    if (!prefix) return;
    const LdmKeys keys(*file_, *prefix);
    const std::string path = file_->path().string();
    const std::int64_t in = keys.dim("input_blocks.0.0.weight", 1);
    base::require(in != 9, ErrorCode::unsupported, path,
                  ": an inpainting model (9 channels in: latents, a mask and the masked image); "
                  "expected one with 4");
    base::require(in != 8, ErrorCode::unsupported, path,
                  ": an InstructPix2Pix model (8 channels in: latents and an image's); expected "
                  "one with 4");
    bool as_two_layers = false;
    const std::string text = unet_config_of(keys, as_two_layers);
    context_ = Object::parse(text).at("cross_attention_dim").get<std::int64_t>();
    name_family(keys);
    const LdmUNetNames names(unet_block_names(keys), as_two_layers);
    out_.unet = {this->config(text, "UNet"),
                 std::make_shared<RenamedWeights>(
                     file_, *prefix,
                     [names](std::string_view name) {
                       return std::vector<StoredPart>{{.name = names.of(name)}};
                     },
                     kLeftOfUNet)};
    unet_prefix_ = *prefix;
    prefixes_.push_back(*prefix);
  }

  void name_family(const LdmKeys& keys) {
    constexpr std::int64_t kOne = 768, kTwo = 1024, kXl = 2048, kRefiner = 1280;
    base::require(context_ != kRefiner, ErrorCode::unsupported, keys.file(),
                  ": the SDXL refiner; expected SDXL's base model");
    out_.family = context_ == kOne   ? "Stable Diffusion 1"
                  : context_ == kTwo ? "Stable Diffusion 2"
                  : context_ == kXl  ? "SDXL"
                                     : "";
    base::require(!out_.family.empty(), ErrorCode::unsupported, keys.file(),
                  ": the UNet's text is ", context_, " channels wide, expected ", kOne,
                  " (Stable Diffusion 1), ", kTwo, " (2) or ", kXl, " (SDXL)");
  }

  void read_autoencoder() {
    const auto prefix =
        prefix_with(*file_, {"first_stage_model.", "vae.", ""}, "decoder.conv_in.weight");
    if (!prefix || !has(*prefix + "encoder.down.0.block.0.conv1.weight")) return;
    const LdmKeys keys(*file_, *prefix);
    constexpr double kScale = 0.18215, kScaleXl = 0.13025;
    const int levels = keys.count("encoder.down.");
    prefixes_.push_back(*prefix);
    const double scale = out_.family == "SDXL" ? kScaleXl : kScale;
    out_.autoencoder = {
        config(autoencoder_config_of(keys, scale), "autoencoder"),
        std::make_shared<RenamedWeights>(
            file_, *prefix,
            [levels](std::string_view name) {
              return std::vector<StoredPart>{{.name = ldm_autoencoder_name(name, levels)}};
            },
            kLeftOfAutoencoder)};
  }

  /// CLIP in transformers' names; very old merges lack "text_model.".
  std::optional<FileComponent> transformers_text(std::initializer_list<const char*> prefixes) {
    const auto prefix = prefix_with(*file_, prefixes, "embeddings.token_embedding.weight");
    if (!prefix) return std::nullopt;
    prefixes_.push_back(*prefix);
    return FileComponent{
        config(text_config_of(LdmKeys(*file_, *prefix), false, kAnyLayers), "text encoder"),
        std::make_shared<RenamedWeights>(
            file_, *prefix,
            [](std::string_view name) {
              if (name.starts_with("text_model.")) name.remove_prefix(11);
              return std::vector<StoredPart>{{.name = std::string(name)}};
            },
            kLeftOfText)};
  }

  std::optional<FileComponent> open_clip_text(std::initializer_list<const char*> prefixes,
                                              int most_layers) {
    const auto prefix = prefix_with(*file_, prefixes, "token_embedding.weight");
    if (!prefix) return std::nullopt;
    prefixes_.push_back(*prefix);
    const auto locate = [](std::string_view name) {
      const OpenClipTensor at = open_clip_tensor(name);
      std::vector<StoredPart> parts{{at.name, at.third, at.transposed}};
      if (at.name == "text_projection") parts.push_back({.name = "text_projection.weight"});
      return parts;
    };
    std::vector<std::string_view> left = kLeftOfText;
    // Stable Diffusion 2 was trained on the last layer but one.
    if (most_layers == kLayersOfTwo) left.emplace_back("transformer.resblocks.23.*");
    return FileComponent{
        config(text_config_of(LdmKeys(*file_, *prefix), true, most_layers), "text encoder"),
        std::make_shared<RenamedWeights>(file_, *prefix, locate, left)};
  }

  void read_text() {
    if (out_.family == "SDXL") {
      out_.text_encoder = transformers_text({"conditioner.embedders.0.transformer.text_model."});
      out_.text_encoder_2 = open_clip_text({"conditioner.embedders.1.model."}, kAnyLayers);
      out_.pad_token = "<|endoftext|>";
    } else if (out_.family == "Stable Diffusion 2") {
      out_.text_encoder = open_clip_text(
          {"cond_stage_model.model.", "conditioner.embedders.0.model."}, kLayersOfTwo);
      out_.pad_token = "!";
    } else {
      out_.text_encoder = transformers_text({"cond_stage_model.transformer.text_model.",
                                             "cond_stage_model.transformer.", "text_model."});
      out_.pad_token = "<|endoftext|>";
    }
  }

  /// What the UNet predicts, and a note of the rule that told it.
  std::string prediction() {
    const auto decided = [&](const char* type, const std::string& rule) {
      out_.notes.push_back(base::concat("prediction type ", type, ": ", rule));
      return std::string(type);
    };
    const std::string stated = metadata("modelspec.prediction_type");
    if (has("v_pred")) return decided("v_prediction", "the file has the key v_pred");
    if (stated == "v") return decided("v_prediction", "the file's modelspec.prediction_type");
    if (stated == "epsilon") return decided("epsilon", "the file's modelspec.prediction_type");
    if (metadata("modelspec.architecture") == "stable-diffusion-v2-768-v") {
      return decided("v_prediction", "the file's modelspec.architecture");
    }
    if (out_.family != "Stable Diffusion 2") return "epsilon";
    // ComfyUI's test, which tells Stability's two kinds apart.
    const std::string bias = unet_prefix_ + "output_blocks.11.1.transformer_blocks.0.norm1.bias";
    constexpr double kLimit = 0.09;
    if (!has(bias)) return decided("epsilon", "nothing in the file says otherwise");
    return deviation(bias) > kLimit
               ? decided("v_prediction",
                         "the spread of " + bias + " is that of models for 768 pixels")
               : decided("epsilon", "the spread of " + bias + " is that of models for 512 pixels");
  }

  double deviation(const std::string& name) const {
    const auto tensor = std::ranges::find_if(
        file_->tensors(), [&](const StoredTensor& candidate) { return candidate.name == name; });
    std::vector<float> values(static_cast<std::size_t>(tensor->elements()));
    file_->read_finite_f32(*tensor, values);
    double sum = 0, squares = 0;
    for (const float value : values) {
      sum += value;
      squares += double{value} * value;
    }
    const auto n = static_cast<double>(std::max<std::size_t>(values.size(), 1));
    return std::sqrt(std::max(squares / n - sum / n * (sum / n), 0.0));
  }

  void suggest() {
    const std::string names =
        lower(file_->path().stem().string() + " " + metadata("modelspec.title"));
    for (const char* word : {"turbo", "lightning", "hyper", "lcm"}) {
      if (names.find(word) == std::string::npos) continue;
      out_.notes.push_back(
          base::concat("the name says ", word,
                       ", which the tensors cannot tell: take the steps and the guidance "
                       "from the model's page (--t-index-list, --cfg-type none)"));
      return;
    }
  }

  /// Training leaves its state and averaged weights in files; anything else is named.
  void name_left_over() {
    std::vector<std::string> names;
    for (const StoredTensor& tensor : file_->tensors()) {
      const auto begins = [&](const std::string& prefix) {
        return tensor.name.starts_with(prefix);
      };
      if (!std::ranges::any_of(prefixes_, begins) && !is_ignored(tensor.name, kLeftByTraining)) {
        names.push_back(tensor.name);
      }
    }
    if (names.empty()) return;
    out_.notes.push_back(base::concat(names.size(), " tensors are not used, ",
                                      json::quote(names.front()), " for one"));
  }

  static constexpr int kLayersOfTwo = 23, kAnyLayers = 1000;

  File file_;
  std::map<std::string, std::string> metadata_;
  SingleFile out_;
  std::int64_t context_ = 0;
  std::string unet_prefix_;
  /// Of the components that were found.
  std::vector<std::string> prefixes_;
};

}  // namespace

SingleFile open_single_file(const std::filesystem::path& file) {
  return Reader(file).read();
}

FileComponent open_autoencoder(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return {read_component_config(path), std::make_shared<WeightStore>(path)};
  }
  const std::filesystem::path beside = path.parent_path() / "config.json";
  const SafetensorsFile file(require_safetensors(path));
  const bool diffusers_names = std::ranges::any_of(file.tensors(), [](const StoredTensor& tensor) {
    return tensor.name.starts_with("decoder.up_blocks.") ||
           tensor.name.starts_with("decoder.layers.");
  });
  if (diffusers_names) {
    base::require(std::filesystem::is_regular_file(beside, ignored), ErrorCode::not_found,
                  beside.string(), ": no such file; ", path.filename().string(),
                  " has diffusers' names, whose config.json must be beside it");
    return {json::Json::read(beside), std::make_shared<WeightStore>(path)};
  }
  SingleFile whole = open_single_file(path);
  base::require(whole.autoencoder.has_value(), ErrorCode::unsupported, path.string(),
                ": holds no autoencoder, expected one");
  return *whole.autoencoder;
}

}  // namespace streamdiffusion::weights
