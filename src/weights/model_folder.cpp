#include "weights/model_folder.h"

#include "base/error.h"
#include "base/hub_folder.h"
#include "base/input_file.h"
#include "json/quote.h"
#include "params/read_json.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using base::fail;
using base::require;
namespace fs = std::filesystem;

json::Json read_index(const fs::path& folder) {
  std::error_code ignored;
  require(
      fs::exists(folder, ignored), ErrorCode::not_found, folder.string(),
      ": no such folder or file, expected a model: its folder, a .safetensors file, or a name as "
      "stabilityai/sd-turbo");
  require(
      fs::is_directory(folder, ignored), ErrorCode::not_found, folder.string(),
      ": not a folder; expected a model in diffusers layout (model_index.json, unet/, vae/, ...)");
  const fs::path file = folder / "model_index.json";
  require(
      base::is_there(file), ErrorCode::not_found, file.string(),
      ": no such file; expected a model in diffusers layout (model_index.json, unet/, vae/, ...)");
  json::Json index = json::Json::read(file);
  if (!index.is(json::Json::Kind::object)) index.refuse("an object of components");
  return index;
}

using Keys = std::vector<std::string_view>;

Keys keys_of_the_file() {
  Keys keys;
  for (const params::Parameter& row : params::parameters()) {
    if (row.in.model_file) keys.emplace_back(row.name);
  }
  return keys;
}

params::Settings read(const json::Json& file, const Keys& keys) {
  params::Settings settings;
  for (const std::string_view key : keys) {
    if (const auto value = file.find(key)) {
      params::read_json(params::parameter(key), *value, settings);
    }
  }
  return settings;
}

void check_t_index_list(const json::Json& file, const SessionOptions& options,
                        std::optional<int> num_inference_steps) {
  const std::vector<int>& list = options.t_index_list;
  if (list.empty() || !num_inference_steps || list.back() < *num_inference_steps) return;
  file.at("t_index_list")[list.size() - 1].refuse(
      base::concat("an integer from 0 to ", *num_inference_steps - 1));
}

SessionOptions read_text_to_image(const json::Json& file, std::optional<int> num_inference_steps) {
  static const Keys keys{"t_index_list", "cfg_type", "guidance_scale"};
  file.allow_only(keys);
  SessionOptions options = read(file, keys).live.options;
  if (options.cfg_type && is_residual(*options.cfg_type)) {
    file.at("cfg_type").refuse("none or full");
  }
  check_t_index_list(file, options, num_inference_steps);
  return options;
}

}  // namespace

ModelDefaults parse_model_defaults(const json::Json& file) {
  const Keys keys = keys_of_the_file();
  Keys known = keys;
  known.emplace_back("text_to_image");
  file.allow_only(known);
  const params::Settings settings = read(file, keys);
  ModelDefaults defaults{.options = settings.live.options};
  const SessionOptions& options = defaults.options;
  std::optional<int> steps = options.num_inference_steps;
  if (!options.timesteps.empty()) steps = static_cast<int>(options.timesteps.size());
  check_t_index_list(file, defaults.options, steps);
  if (const auto value = file.find("text_to_image")) {
    defaults.text_to_image = read_text_to_image(*value, steps);
  }
  if (!settings.live.prompts.empty()) defaults.prompt = settings.live.prompts.front().text;
  defaults.negative_prompt = settings.live.negative_prompt;
  return defaults;
}

ModelFolder::ModelFolder(const fs::path& folder) : path_(folder), index_(read_index(folder)) {
  const fs::path defaults = folder / "streamdiffusion.json";
  has_defaults_ = base::is_there(defaults);
  if (has_defaults_) defaults_ = parse_model_defaults(json::Json::read(defaults));
}

bool ModelFolder::has(std::string_view component) const {
  const auto entry = index_.find(component);
  return entry && entry->is(json::Json::Kind::array) && entry->size() == 2 &&
         !(*entry)[1].is(json::Json::Kind::null);
}

std::string ModelFolder::class_name(std::string_view component) const {
  const json::Json entry = index_.at(component);
  if (!entry.is(json::Json::Kind::array) || entry.size() != 2) entry.refuse("[library, class]");
  return entry[1].string();
}

fs::path ModelFolder::component(std::string_view component) const {
  require(has(component), ErrorCode::corrupt_file, index_.file(), ": component ",
          json::quote(component), " is missing");
  fs::path folder = path_ / component;
  std::error_code ignored;
  require(fs::is_directory(folder, ignored), ErrorCode::not_found, folder.string(),
          ": no such folder, though model_index.json lists it");
  return folder;
}

json::Json ModelFolder::config(std::string_view name) const {
  const fs::path folder = component(name);
  if (name == "scheduler") return json::Json::read(folder / "scheduler_config.json");
  return read_component_config(folder);
}

std::string model_name(const fs::path& folder) {
  fs::path normal = folder.lexically_normal();
  if (normal.filename().empty()) normal = normal.parent_path();
  const fs::path snapshots = normal.parent_path();
  if (snapshots.filename() == "snapshots") {
    std::string name = base::hub_repository(snapshots.parent_path().filename().string());
    if (!name.empty()) return name;
  }
  return normal.filename().string();
}

json::Json read_component_config(const fs::path& folder) {
  std::error_code ignored;
  require(fs::exists(folder, ignored), ErrorCode::not_found, folder.string(),
          ": no such folder or file, expected a folder of config.json and weights, a .safetensors "
          "file, or a name as ORG/NAME");
  return json::Json::read(folder / "config.json");
}

}  // namespace streamdiffusion::weights
