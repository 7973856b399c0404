#include "weights/ldm_components.h"

#include <vector>

#include "base/error.h"
#include "weights/controlnet_parts.h"
#include "weights/ldm_keys.h"
#include "weights/ldm_names.h"
#include "weights/renamed_weights.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;

// Behind a component's prefix: what training and other programs leave there.
const std::vector<std::string_view> kLeftOfUNet{};
const std::vector<std::string_view> kLeftOfText{"*position_ids", "*attn_mask", "logit_scale",
                                                "text_projection", "text_projection.*"};
const std::vector<std::string_view> kLeftOfAutoencoder{"loss.*", "model_ema.*"};

/// The first prefix under which a key exists.
std::optional<std::string> prefix_with(const SafetensorsFile& file, Prefixes prefixes,
                                       const std::string& key) {
  for (const char* prefix : prefixes) {
    if (file.find(prefix + key) != nullptr) return prefix;
  }
  return std::nullopt;
}

LdmComponent component(const SharedFile& file, const std::string& prefix, const char* part,
                       const std::string& config, RenamedWeights::Locate locate,
                       const std::vector<std::string_view>& left) {
  const std::string path = file->path().string();
  return {{json::Json::parse(config, base::concat(path, ": ", part)),
           std::make_shared<RenamedWeights>(file, prefix, std::move(locate), left), path},
          prefix};
}

void refuse_more_inputs(const LdmKeys& keys) {
  const std::int64_t in = keys.dim("input_blocks.0.0.weight", 1);
  base::require(in != 9, ErrorCode::unsupported, keys.file(),
                ": an inpainting model (9 channels in: latents, a mask and the masked image); "
                "expected one with 4");
  base::require(in != 8, ErrorCode::unsupported, keys.file(),
                ": an InstructPix2Pix model (8 channels in: latents and an image's); expected one "
                "with 4");
}

}  // namespace

std::optional<LdmComponent> ldm_unet(const SharedFile& file) {
  const auto prefix = prefix_with(*file, {"model.diffusion_model.", "diffusion_model.", ""},
                                  "input_blocks.0.0.weight");
  if (!prefix) return std::nullopt;
  const LdmKeys keys(*file, *prefix);
  refuse_more_inputs(keys);
  bool as_two_layers = false;
  const std::string config = unet_config_of(keys, as_two_layers);
  const LdmUNetNames names(unet_block_names(keys), as_two_layers);
  const auto locate = [names](std::string_view name) {
    return std::vector<StoredPart>{{.name = names.of(name)}, {.name = names.of_script(name)}};
  };
  return component(file, *prefix, "UNet", config, locate, kLeftOfUNet);
}

std::optional<LdmComponent> ldm_controlnet(const SharedFile& file) {
  const std::string first = std::string(kHintBlock) + "0.weight";
  const auto prefix = prefix_with(*file, {"control_model.", ""}, first);
  if (!prefix) return std::nullopt;
  base::require(file->find("difference") == nullptr, ErrorCode::unsupported, file->path().string(),
                ": the weights are stored as a difference to those of a model (tensor "
                "\"difference\"), which is not read; expected the weights themselves");
  const LdmKeys keys(*file, *prefix);
  require_whole_ldm_controlnet(keys);
  const LdmUNetNames blocks(unet_block_names(keys));
  const int last = keys.numbers(kHintBlock).back();
  return component(
      file, *prefix, "ControlNet", controlnet_config_of(keys),
      [blocks, last](std::string_view name) {
        std::string found = ldm_controlnet_name(name, last);
        if (found.empty()) found = blocks.of(name);
        return std::vector<StoredPart>{{.name = found}};
      },
      kLeftOfUNet);
}

std::optional<LdmComponent> ldm_autoencoder(const SharedFile& file, double scale) {
  const auto prefix =
      prefix_with(*file, {"first_stage_model.", "vae.", ""}, "encoder.down.0.block.0.conv1.weight");
  if (!prefix || file->find(*prefix + "decoder.conv_in.weight") == nullptr) return std::nullopt;
  const LdmKeys keys(*file, *prefix);
  const int levels = keys.count("encoder.down.");
  return component(
      file, *prefix, "autoencoder", autoencoder_config_of(keys, scale),
      [levels](std::string_view name) {
        return std::vector<StoredPart>{{.name = ldm_autoencoder_name(name, levels)}};
      },
      kLeftOfAutoencoder);
}

/// Very old merges lack "text_model.".
std::optional<LdmComponent> transformers_text(const SharedFile& file, Prefixes prefixes) {
  const auto prefix = prefix_with(*file, prefixes, "embeddings.token_embedding.weight");
  if (!prefix) return std::nullopt;
  const LdmKeys keys(*file, *prefix);
  return component(
      file, *prefix, "text encoder", text_config_of(keys, false, kAllLayers),
      [](std::string_view name) {
        if (name.starts_with("text_model.")) name.remove_prefix(11);
        return std::vector<StoredPart>{{.name = std::string(name)}};
      },
      kLeftOfText);
}

std::optional<LdmComponent> open_clip_text(const SharedFile& file, Prefixes prefixes,
                                           int most_layers) {
  const auto prefix = prefix_with(*file, prefixes, "token_embedding.weight");
  if (!prefix) return std::nullopt;
  const LdmKeys keys(*file, *prefix);
  const auto locate = [](std::string_view name) {
    const OpenClipTensor at = open_clip_tensor(name);
    std::vector<StoredPart> parts{{at.name, at.third, at.transposed}};
    if (at.name == "text_projection") {
      for (const char* stored : {"text_projection.weight", "text_projection.weight.weight"})
        parts.emplace_back().name = stored;
    }
    return parts;
  };
  std::vector<std::string_view> left = kLeftOfText;
  if (most_layers == kLayersOfTwo) left.emplace_back("transformer.resblocks.23.*");
  return component(file, *prefix, "text encoder", text_config_of(keys, true, most_layers), locate,
                   left);
}

}  // namespace streamdiffusion::weights
