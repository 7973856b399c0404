#include "weights/model_folder.h"

#include <algorithm>

#include "base/error.h"
#include "json/quote.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using base::fail;
using base::require;
namespace fs = std::filesystem;

constexpr std::size_t longest_prompt = 65536;  // bytes

json::Json read_index(const fs::path& folder) {
  std::error_code ignored;
  require(fs::exists(folder, ignored), ErrorCode::not_found, folder.string(),
          ": no such model folder");
  require(
      fs::is_directory(folder, ignored), ErrorCode::not_found, folder.string(),
      ": not a folder; expected a model in diffusers layout (model_index.json, unet/, vae/, ...)");
  const fs::path file = folder / "model_index.json";
  require(
      fs::is_regular_file(file, ignored), ErrorCode::not_found, file.string(),
      ": no such file; expected a model in diffusers layout (model_index.json, unet/, vae/, ...)");
  json::Json index = json::Json::read(file);
  if (!index.is(json::Json::Kind::object)) index.refuse("an object of components");
  return index;
}

std::optional<int> integer(const json::Json& file, std::string_view key, int lowest, int highest) {
  const auto value = file.find(key);
  if (!value) return std::nullopt;
  return static_cast<int>(value->integer(lowest, highest));
}

std::optional<double> number(const json::Json& file, std::string_view key, double lowest,
                             double highest) {
  const auto value = file.find(key);
  if (!value) return std::nullopt;
  const double found = value->number();
  if (found < lowest || found > highest) {
    value->refuse(base::concat("a number from ", lowest, " to ", highest));
  }
  return found;
}

std::optional<std::string> prompt(const json::Json& file, std::string_view key) {
  const auto value = file.find(key);
  if (!value) return std::nullopt;
  if (value->string().size() > longest_prompt) {
    value->refuse(base::concat("at most ", longest_prompt, " bytes"));
  }
  return value->string();
}

std::optional<CfgType> cfg_type(const json::Json& file) {
  const auto value = file.find("cfg_type");
  if (!value) return std::nullopt;
  const auto type = choice_of(kCfgTypes, value->string());
  if (!type) value->refuse(listed(kCfgTypes));
  return type;
}

std::optional<std::vector<int>> t_index_list(const json::Json& file, int steps) {
  const auto value = file.find("t_index_list");
  if (!value) return std::nullopt;
  const auto list = value->integers(0, steps - 1);
  if (list.empty() || list.size() > 64) value->refuse("1 to 64 indices");
  return std::vector<int>(list.begin(), list.end());
}

ModelDefaults::TextToImage text_to_image(const json::Json& file, int steps) {
  const auto value = file.find("text_to_image");
  if (!value) return {};
  value->allow_only({"t_index_list", "cfg_type", "guidance_scale"});
  const auto type = cfg_type(*value);
  if (type && is_residual(*type)) value->at("cfg_type").refuse("none or full");
  return {.t_index_list = t_index_list(*value, steps),
          .cfg_type = type,
          .guidance_scale = number(*value, "guidance_scale", 0, 100)};
}

}  // namespace

ModelDefaults parse_model_defaults(const json::Json& file) {
  file.allow_only({"width", "height", "t_index_list", "num_inference_steps", "cfg_type",
                   "guidance_scale", "delta", "prompt", "negative_prompt", "text_to_image"});
  ModelDefaults out;
  out.width = integer(file, "width", 8, 16384);
  out.height = integer(file, "height", 8, 16384);
  out.num_inference_steps = integer(file, "num_inference_steps", 1, 1000);
  const int steps = out.num_inference_steps.value_or(1000);
  out.t_index_list = t_index_list(file, steps);
  out.cfg_type = cfg_type(file);
  out.guidance_scale = number(file, "guidance_scale", 0, 100);
  out.delta = number(file, "delta", 0, 100);
  out.prompt = prompt(file, "prompt");
  out.negative_prompt = prompt(file, "negative_prompt");
  out.text_to_image = text_to_image(file, steps);
  return out;
}

ModelFolder::ModelFolder(const fs::path& folder) : path_(folder), index_(read_index(folder)) {
  const fs::path defaults = folder / "streamdiffusion.json";
  std::error_code ignored;
  if (fs::exists(defaults, ignored)) defaults_ = parse_model_defaults(json::Json::read(defaults));
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

json::Json read_component_config(const fs::path& folder) {
  return json::Json::read(folder / "config.json");
}

}  // namespace streamdiffusion::weights
