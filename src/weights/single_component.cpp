#include "weights/single_component.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/input_file.h"
#include "weights/ldm_keys.h"
#include "weights/model_folder.h"
#include "weights/safetensors_folder.h"
#include "weights/tiny_autoencoder_file.h"
#include "weights/unsupported_models.h"
#include "weights/weight_store.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

FileComponent folder_component(const fs::path& folder) {
  return {read_component_config(folder), std::make_shared<WeightStore>(folder), folder.string()};
}

SharedFile open(const fs::path& path) {
  auto file = std::make_shared<const SafetensorsFile>(require_safetensors(path));
  refuse_unsupported_models(*file);
  return file;
}

/// A file with diffusers' or transformers' names: with the config.json beside it, else with
/// `config`.
FileComponent named_as_here(const SharedFile& file, const std::optional<json::Json>& config,
                            const char* what) {
  const fs::path beside = file->path().parent_path() / "config.json";
  const bool has_config = base::is_there(beside);
  base::require(has_config || config.has_value(), ErrorCode::not_found, beside.string(),
                ": no such file; ", file->path().filename().string(), " is ", what,
                " with diffusers' names, whose config.json must be beside it");
  return {has_config ? json::Json::read(beside) : *config,
          std::make_shared<WeightStore>(file->path()), file->path().string()};
}

[[noreturn]] void refuse(const SharedFile& file, const char* what) {
  base::fail(ErrorCode::unsupported, file->path().string(), ": holds no ", what, ", expected one");
}

/// What begins the names of a text encoder in those of transformers: since 5.0 nothing. Null if
/// there is none.
const char* transformers_prefix(const SafetensorsFile& file) {
  for (const char* prefix : {"text_model.", ""}) {
    const std::string key = std::string(prefix) + "embeddings.token_embedding.weight";
    if (file.find(key) != nullptr) return prefix;
  }
  return nullptr;
}

/// Of such a text encoder; its projection never stands behind the prefix.
json::Json transformers_config(const SafetensorsFile& file, const char* prefix) {
  auto config = nlohmann::json::parse(text_config_of(LdmKeys(file, prefix), false, kAllLayers));
  constexpr const char* kProjection = "text_projection.weight";
  if (file.find(kProjection) != nullptr) {
    config["projection_dim"] = LdmKeys(file, "").dim(kProjection, 0);
  }
  return json::Json::parse(config.dump(), file.path().string() + ": text encoder");
}

nlohmann::json copy_of(const json::Json& value) {
  using Kind = json::Json::Kind;
  nlohmann::json copy;
  switch (value.kind()) {
    case Kind::null:
      break;
    case Kind::boolean:
      copy = value.boolean();
      break;
    case Kind::integer:
      copy = value.integer();
      break;
    case Kind::number:
      copy = value.number();
      break;
    case Kind::string:
      copy = value.string();
      break;
    case Kind::array:
      copy = nlohmann::json::array();
      for (std::size_t i = 0; i < value.size(); ++i) copy.push_back(copy_of(value[i]));
      break;
    case Kind::object:
      copy = nlohmann::json::object();
      for (std::size_t i = 0; i < value.size(); ++i) {
        const auto [key, member] = value.member(i);
        copy[std::string(key)] = copy_of(member);
      }
      break;
  }
  return copy;
}

/// `own`, the config of another UNet, with the guidance embedding that the file has or lacks.
json::Json with_guidance_embedding(const SafetensorsFile& file, const json::Json& own) {
  constexpr const char* kProjection = "time_embedding.cond_proj.weight";
  constexpr const char* kKey = "time_cond_proj_dim";
  const bool embeds = file.find(kProjection) != nullptr;
  if (embeds == own.has(kKey)) return own;
  nlohmann::json config = copy_of(own);
  config[kKey] = nullptr;
  if (embeds) config[kKey] = LdmKeys(file, "").dim(kProjection, 1);
  return json::Json::parse(config.dump(), file.path().string() + ": UNet");
}

bool is_large(const json::Json& autoencoder) {
  return autoencoder.string_or("_class_name", "") == "AutoencoderKL";
}

}  // namespace

FileComponent open_autoencoder(const fs::path& given, const std::optional<json::Json>& own,
                               double scale) {
  const fs::path path = or_only_file_in(given);
  if (!base::is_file(path)) return folder_component(path);
  const SharedFile file = open(path);
  const bool large = file->find("decoder.up_blocks.0.resnets.0.conv1.weight") != nullptr;
  if (large)
    return named_as_here(file, own && is_large(*own) ? own : std::nullopt, "an autoencoder");
  const bool has_config = base::is_file(path.parent_path() / "config.json");
  if (has_config && file->find("decoder.layers.0.weight") != nullptr) {
    return named_as_here(file, std::nullopt, "an autoencoder");
  }
  if (auto tiny = tiny_autoencoder_file(file)) return *tiny;
  auto found = ldm_autoencoder(file, scale);
  if (!found) refuse(file, "autoencoder");
  return std::move(found->component);
}

FileComponent open_unet(const fs::path& given, const std::optional<json::Json>& own) {
  const fs::path path = or_only_file_in(given);
  if (!base::is_file(path)) return folder_component(path);
  const SharedFile file = open(path);
  if (file->find("conv_in.weight") != nullptr) {
    const auto config = own ? std::optional(with_guidance_embedding(*file, *own)) : std::nullopt;
    return named_as_here(file, config, "a UNet");
  }
  auto found = ldm_unet(file);
  if (!found) refuse(file, "UNet");
  return std::move(found->component);
}

FileComponent open_text_encoder(const fs::path& given, bool second_of_two) {
  const fs::path path = or_only_file_in(given);
  if (!base::is_file(path)) return folder_component(path);
  const SharedFile file = open(path);
  if (const char* prefix = transformers_prefix(*file)) {
    return named_as_here(file, transformers_config(*file, prefix), "a text encoder");
  }
  const auto found =
      open_clip_text(file, {"", "model."}, second_of_two ? kAllLayers : kLayersOfTwo);
  if (!found) refuse(file, "text encoder");
  return found->component;
}

}  // namespace streamdiffusion::weights
