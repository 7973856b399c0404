// Configs as text, changed one key at a time.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "graph/builder.h"
#include "json/json.h"
#include "models/presets.h"
#include "models/unet_config.h"

namespace streamdiffusion::models {

inline json::Json parse(std::string_view text) {
  return json::Json::parse(text, "config.json");
}

/// `json` (an object) with `member` put first, e.g. with(text, R"("act_fn": "mish")"); the key must
/// be new.
inline std::string with(std::string_view json, std::string_view member) {
  return "{" + std::string(member) + (json == "{}" ? "" : ",") + std::string(json.substr(1));
}

inline UNetConfig preset_unet(std::string_view preset) {
  return unet_config(parse(find_preset(preset).unet));
}

/// `json` with the first `from` replaced.
inline std::string replaced(std::string_view json, std::string_view from, std::string_view to) {
  std::string text(json);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

/// The message of the Error that `action` throws; a test failure if it throws none.
template <typename Action>
std::string message_of(base::ErrorCode code, Action action) {
  try {
    action();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "did not throw";
  return "";
}

inline const graph::Weight* find_weight(const graph::Graph& graph, std::string_view name) {
  for (const graph::Weight& weight : graph.weights) {
    if (weight.name == name) return &weight;
  }
  return nullptr;
}

}  // namespace streamdiffusion::models
