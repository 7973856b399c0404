#include "weights/single_file.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/lower_case.h"
#include "json/quote.h"
#include "weights/prediction_type.h"
#include "weights/single_component.h"
#include "weights/tensor_problems.h"
#include "weights/tiny_autoencoder_file.h"
#include "weights/unsupported_models.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using Object = nlohmann::json;

constexpr std::array<std::string_view, 13> kLeftByTraining{
    "model_ema.*", "alphas_cumprod*", "betas",       "sqrt_*", "posterior_*",
    "log_one_*",   "denoiser.*",      "embedding_*", "loss.*", "global_step",
    "v_pred",      "ztsnr",           "lvlb_weights"};

std::string family_of(const json::Json& unet, const std::string& file) {
  constexpr std::int64_t kOne = 768, kTwo = 1024, kXl = 2048, kRefiner = 1280;
  const std::int64_t context = unet.at("cross_attention_dim").integer(1);
  base::require(context != kRefiner, ErrorCode::unsupported, file,
                ": the SDXL refiner; expected SDXL's base model");
  const char* family = context == kOne   ? "Stable Diffusion 1"
                       : context == kTwo ? "Stable Diffusion 2"
                       : context == kXl  ? "SDXL"
                                         : nullptr;
  base::require(family != nullptr, ErrorCode::unsupported, file, ": the UNet's text is ", context,
                " channels wide, expected ", kOne, " (Stable Diffusion 1), ", kTwo, " (2) or ", kXl,
                " (SDXL)");
  return family;
}

/// One opened file while it is being told apart.
class Reader {
 public:
  Reader(const std::filesystem::path& path, const std::filesystem::path& other_unet)
      : file_(std::make_shared<const SafetensorsFile>(require_safetensors(path))),
        other_unet_(other_unet) {
    refuse_unsupported_models(*file_);
  }

  SingleFile read() {
    read_unet();
    const std::string family = out_.family.empty() ? family_by_text() : out_.family;
    keep(ldm_autoencoder(file_, family == "SDXL" ? kLatentScaleXl : kLatentScale),
         out_.autoencoder);
    if (!out_.autoencoder) keep(tiny_autoencoder_inside(file_), out_.autoencoder);
    read_text(family);
    refuse_nothing();
    if (out_.unet) {
      make_scheduler();
      suggest();
    }
    name_left_over();
    return std::move(out_);
  }

 private:
  std::string name() const { return file_->path().string(); }

  void keep(std::optional<LdmComponent> found, std::optional<FileComponent>& out) {
    if (!found) return;
    prefixes_.push_back(found->prefix);
    out = std::move(found->component);
  }

  void read_unet() {
    auto unet = ldm_unet(file_);
    if (unet) keep_unet(std::move(unet));
    if (other_unet_.empty()) return;
    out_.unet = open_unet(other_unet_, out_.unet ? std::optional(out_.unet->config) : std::nullopt);
    if (out_.family.empty()) out_.family = family_of(out_.unet->config, out_.unet->path);
  }

  void keep_unet(std::optional<LdmComponent> unet) {
    unet_prefix_ = unet->prefix;
    keep(std::move(unet), out_.unet);
    out_.family = family_of(out_.unet->config, name());
  }

  /// Of a file without a UNet.
  std::string family_by_text() const {
    const auto has = [&](const std::string& encoder) {
      return file_->find(encoder + "token_embedding.weight") != nullptr;
    };
    if (has("conditioner.embedders.1.model.") ||
        has("conditioner.embedders.0.transformer.text_model.embeddings.")) {
      return "SDXL";
    }
    const bool two = has("cond_stage_model.model.") || has("conditioner.embedders.0.model.");
    return two ? "Stable Diffusion 2" : "Stable Diffusion 1";
  }

  /// Beside its prediction, that of the published folders of all three families.
  void make_scheduler() {
    const Object scheduler{
        {"_class_name", "LCMScheduler"},
        {"beta_schedule", "scaled_linear"},
        {"beta_start", 0.00085},
        {"beta_end", 0.012},
        {"num_train_timesteps", 1000},
        {"steps_offset", 1},
        {"set_alpha_to_one", false},
        {"prediction_type", prediction_type_of(*file_, out_.family, unet_prefix_, out_.notes)},
        {"rescale_betas_zero_snr", file_->find("ztsnr") != nullptr}};
    out_.scheduler = json::Json::parse(scheduler.dump(), name() + ": scheduler");
  }

  void read_text(const std::string& family) {
    out_.pad_token = "<|endoftext|>";
    if (family == "SDXL") {
      keep(transformers_text(file_, {"conditioner.embedders.0.transformer.text_model."}),
           out_.text_encoder);
      keep(open_clip_text(file_, {"conditioner.embedders.1.model."}, kAllLayers),
           out_.text_encoder_2);
    } else if (family == "Stable Diffusion 2") {
      keep(open_clip_text(file_, {"cond_stage_model.model.", "conditioner.embedders.0.model."},
                          kLayersOfTwo),
           out_.text_encoder);
      out_.pad_token = "!";
    } else {
      keep(transformers_text(file_, {"cond_stage_model.transformer.text_model.",
                                     "cond_stage_model.transformer.", "text_model.", ""}),
           out_.text_encoder);
    }
  }

  void refuse_nothing() const {
    if (!prefixes_.empty()) return;
    base::require(file_->find("down_blocks.0.resnets.0.conv1.weight") == nullptr,
                  ErrorCode::unsupported, name(),
                  ": a UNet alone, in diffusers' names; give it beside a model, with --unet");
    base::fail(ErrorCode::unsupported, name(), ": holds no part of Stable Diffusion 1, 2 or SDXL",
               file_->tensors().empty()
                   ? ""
                   : " (its first tensor is " + json::quote(file_->tensors().front().name) + ")",
               "; expected keys such as \"model.diffusion_model.input_blocks...\"");
  }

  void suggest() {
    if (out_.unet && out_.unet->config.find("time_cond_proj_dim")) {
      out_.notes.emplace_back("an LCM: its UNet takes the guidance scale as an input");
      return;
    }
    const auto metadata = file_->metadata();
    const auto title = metadata.find("modelspec.title");
    const std::string names = base::lower_case(file_->path().stem().string() + " " +
                                               (title == metadata.end() ? "" : title->second));
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

  SharedFile file_;
  std::filesystem::path other_unet_;
  SingleFile out_;
  std::string unet_prefix_;
  /// Of the components that were found.
  std::vector<std::string> prefixes_;
};

}  // namespace

SingleFile open_single_file(const std::filesystem::path& file,
                            const std::filesystem::path& other_unet) {
  return Reader(file, other_unet).read();
}

}  // namespace streamdiffusion::weights
