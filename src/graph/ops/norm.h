// Normalizations. Statistics are always taken in f32.
#pragma once

#include <span>

#include "tensor/tensor.h"

namespace streamdiffusion::graph {

/// Group norm over [h, w, c/groups] of one or two inputs side by side (as if concatenated on
/// channels), then SiLU if asked. weights: weight [c], bias [c].
struct GroupNorm {
  static constexpr const char* kName = "group_norm";
  int groups = 32;
  float eps = 1e-5F;
  bool silu = false;

  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// Layer norm over channels. weights: weight [c], bias [c].
struct LayerNorm {
  static constexpr const char* kName = "layer_norm";
  float eps = 1e-5F;

  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

}  // namespace streamdiffusion::graph
