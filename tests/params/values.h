// JSON values of the parameters that are lists, for tests.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace streamdiffusion::params {

using nlohmann::json;

inline json list(const std::vector<json>& items) {
  return json(items);
}

inline json pair(const std::string& text, double weight) {
  return list({text, weight});
}

inline json seed(std::int64_t number, double weight) {
  return json::array({number, weight});
}

inline json seeds(int count) {
  json all = json::array();
  for (int i = 0; i < count; ++i) all.push_back(seed(i, 1));
  return all;
}

inline json pairs(int count, double weight = 1) {
  return list(std::vector<json>(static_cast<std::size_t>(count), pair("a", weight)));
}

inline json counted(int count) {
  json items = json::array();
  for (int i = 0; i < count; ++i) items.push_back(i);
  return items;
}

inline const std::string kLongest(4096, 'a'), kTooLong(4097, 'a');

/// LoRA files, each with this scale.
inline json files(int count, double scale = 0.5) {
  json object = json::object();
  for (int i = 0; i < count; ++i) object["style" + std::to_string(i) + ".safetensors"] = scale;
  return object;
}

/// ControlNets, each with this scale.
inline json nets(int count, double scale = 0.5) {
  return list(std::vector<json>(static_cast<std::size_t>(count),
                                {{"model_id", "canny"}, {"conditioning_scale", scale}}));
}

/// Settings of ControlNets, or of IP-Adapters.
inline json scaled(int count, double scale, const char* key = "conditioning_scale") {
  return list(std::vector<json>(static_cast<std::size_t>(count), {{key, scale}}));
}

/// IP-Adapters, each with this scale.
inline json adapters(int count, double scale = 0.5) {
  return list(std::vector<json>(static_cast<std::size_t>(count),
                                {{"ipadapter_model_path", "a.safetensors"}, {"scale", scale}}));
}

}  // namespace streamdiffusion::params
