// Weights in f32. Each is read once and shared by all executables of a device with the same scope.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {

using Values = std::shared_ptr<const std::vector<float>>;

class WeightStore {
 public:
  /// One tensor, packed. It is read through `weights` unless an executable still holds it. With
  /// `int8`, a matrix is quantized and dequantized. Thread-safe.
  Values get(const Weights& weights, const graph::Weight& weight, Packing packing, bool int8);
  /// Bytes that living executables hold.
  std::size_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const std::vector<float>>> tensors_;
};

}  // namespace streamdiffusion::backend::ref
