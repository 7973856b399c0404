// Weights in f32, read once and shared by every executable of a device that names the same scope.
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
  /// One tensor, packed; read through `weights` unless an executable still holds it. A matrix is
  /// rounded to what its 8 bits say, if asked. Thread-safe.
  Values get(const Weights& weights, const graph::Weight& weight, Packing packing, bool eight_bits);
  /// Bytes of what executables hold.
  std::size_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const std::vector<float>>> tensors_;
};

}  // namespace streamdiffusion::backend::ref
