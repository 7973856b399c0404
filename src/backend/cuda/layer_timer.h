// How long calls of a library take on the card, on memory as cold as in a frame: weights in turn
// from more than the card's cache holds, activations as the layer before left them.
#pragma once

#include <functional>
#include <memory>

#include "backend/cuda/libraries.h"

namespace streamdiffusion::backend::cuda {

/// Seconds of one call of `launch`, which queues work: the least of several replays of a CUDA graph
/// of `count` calls. `launch` is given 0, 1, … so that it can use other memory each time.
double seconds_of(Runtime& runtime, int count, const std::function<void(int)>& launch);

/// Memory of the card with random numbers in -2..2, whether they are read as bf16, f16 or f32.
std::unique_ptr<DeviceBuffer> random_memory(Runtime& runtime, std::size_t bytes);

/// Of a layer's operands; 0 for one that it has not.
struct LayerBytes {
  std::size_t x = 0, weight = 0, bias = 0, residual = 0, y = 0, workspace = 0;
};

/// Without workspace.
LayerBytes bytes_of(const ConvolutionShape& shape);
LayerBytes bytes_of(const GemmShape& shape);

class LayerTimer {
 public:
  /// Throws busy if the card has not so much memory free.
  LayerTimer(Runtime& runtime, const LayerBytes& bytes);
  /// Seconds of one call of `run`, which queues the layer's work. Throws what it throws.
  double seconds(const std::function<void(const LayerOperands&)>& run);

 private:
  static constexpr int kMostLaunches = 20;

  LayerOperands operands(int launch) const;

  Runtime& runtime_;
  /// From one copy of the weight to the next, and how many there are.
  const std::size_t stride_, turns_;
  const std::unique_ptr<DeviceBuffer> x_, weights_, bias_, residual_;
  const DeviceBuffer y_, workspace_;
};

}  // namespace streamdiffusion::backend::cuda
