// Dense layer over channels; a 1x1 convolution is the same thing.
#pragma once

#include <span>

#include "graph/ops/activation.h"
#include "tensor/tensor.h"

namespace streamdiffusion::graph {

/// out = act(x W^T + bias + extra_bias + residual), for every token.
/// inputs: x [n,h,w,in], then (if present) residual like the output.
/// weights: weight [out,in] (or [out,in,1,1]), then bias [out], then extra_bias [out], each if
/// present.
struct Linear {
  static constexpr const char* kName = "linear";
  std::int64_t in = 0, out = 0;
  bool bias = true, extra_bias = false, residual = false;
  Activation act = Activation::none;

  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
  int residual_input() const { return residual ? 1 : -1; }
};

/// out = (x W_v^T + b_v) * gelu(x W_g^T + b_g), where [W_v; W_g] is the weight [2 out, in] and bias
/// [2 out].
struct GegluLinear {
  static constexpr const char* kName = "geglu_linear";
  std::int64_t in = 0, out = 0;

  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

}  // namespace streamdiffusion::graph
