// The engines that cuDNN and cuBLASLt propose for every layer of a model, timed one by one.
#pragma once

#include <functional>
#include <string>

#include "cuda/card.h"

namespace streamdiffusion::bench {

struct EngineOptions {
  /// One of models::presets().
  std::string model = "sd-turbo";
  /// Rows of the UNet's batch.
  int rows = 1;
  /// Engines of each layer.
  std::size_t most = 12;
};

/// Calls `use` for every distinct layer, as soon as it is measured: {"layer", "tflop", "engines":
/// [{"name", "microseconds", "workspace_bytes"}, …]}, the heuristics' choice first. What a library
/// refuses has "error" instead.
void time_engines(Card& card, const EngineOptions& options,
                  const std::function<void(const nlohmann::json&)>& use);

}  // namespace streamdiffusion::bench
