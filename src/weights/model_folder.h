// A pipeline folder in diffusers layout: model_index.json and one folder a component (unet/, vae/,
// text_encoder/, tokenizer/, scheduler/), and beside them, optionally, streamdiffusion.json with
// what the model wants by default.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::weights {

/// streamdiffusion.json: used where the user says nothing. What the file does not name is unset.
/// Which keys there are and their ranges: params/table.h.
struct ModelDefaults {
  /// Where images come from images.
  SessionOptions options;
  /// What differs where images come from noise: t_index_list, cfg_type (none or full) and
  /// guidance_scale.
  SessionOptions text_to_image;
  std::optional<std::string> prompt, negative_prompt;
};

class ModelFolder {
 public:
  /// Reads model_index.json and streamdiffusion.json. Throws not_found or corrupt_file.
  explicit ModelFolder(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return path_; }
  const json::Json& index() const { return index_; }
  const ModelDefaults& defaults() const { return defaults_; }
  /// Whether there is a streamdiffusion.json.
  bool has_defaults() const { return has_defaults_; }

  /// True when model_index.json lists the component and does not leave it out ([null, null]).
  bool has(std::string_view component) const;
  /// The component's class in model_index.json, for example "UNet2DConditionModel". Throws
  /// corrupt_file.
  std::string class_name(std::string_view component) const;
  /// The component's folder. Throws corrupt_file when model_index.json does not list it, not_found
  /// without folder.
  std::filesystem::path component(std::string_view component) const;
  /// The parsed config.json (scheduler: scheduler_config.json) of a component.
  json::Json config(std::string_view component) const;

 private:
  std::filesystem::path path_;
  json::Json index_;
  ModelDefaults defaults_;
  bool has_defaults_ = false;
};

/// What people call the model in a folder: the folder's name, and the repository's for a snapshot
/// in the Hugging Face cache (".../models--stabilityai--sd-turbo/snapshots/COMMIT" is
/// "stabilityai/sd-turbo").
std::string model_name(const std::filesystem::path& folder);

/// The parsed config.json of a single component folder (`--vae DIR`).
json::Json read_component_config(const std::filesystem::path& folder);

/// Reads a file of defaults; see ModelDefaults. Unknown keys are refused.
ModelDefaults parse_model_defaults(const json::Json& file);

}  // namespace streamdiffusion::weights
