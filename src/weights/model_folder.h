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

/// streamdiffusion.json: used where the user says nothing. Absent keys are empty. Ranges are
/// checked when read.
struct ModelDefaults {
  /// What differs where images come from noise; the other members hold where a key is absent.
  struct TextToImage {
    std::optional<std::vector<int>> t_index_list;
    /// none or full
    std::optional<CfgType> cfg_type;
    std::optional<double> guidance_scale;
  };

  /// pixels, 8..16384
  std::optional<int> width, height;
  /// each 0..num_inference_steps - 1
  std::optional<std::vector<int>> t_index_list;
  /// 1..1000
  std::optional<int> num_inference_steps;
  std::optional<CfgType> cfg_type;
  /// 0..100
  std::optional<double> guidance_scale;
  /// 0..100
  std::optional<double> delta;
  std::optional<std::string> prompt, negative_prompt;
  TextToImage text_to_image;
};

class ModelFolder {
 public:
  /// Reads model_index.json and streamdiffusion.json. Throws not_found or corrupt_file.
  explicit ModelFolder(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return path_; }
  const json::Json& index() const { return index_; }
  const ModelDefaults& defaults() const { return defaults_; }

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
};

/// The parsed config.json of a lone component folder (`--vae DIR`).
json::Json read_component_config(const std::filesystem::path& folder);

/// Reads a file of defaults; see ModelDefaults. Unknown keys are refused.
ModelDefaults parse_model_defaults(const json::Json& file);

}  // namespace streamdiffusion::weights
