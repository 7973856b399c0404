// 2-D convolution, NHWC activations, weights as diffusers stores them: [out, in, kernel, kernel].
#pragma once

#include <span>

#include "graph/ops/activation.h"
#include "tensor/tensor.h"

namespace streamdiffusion::graph {

/// out = act(conv(x) + bias + row_bias[row] + residual)
/// inputs: x [n,h,w,in], then (if present) row_bias f32 [n,1,1,out], then (if present) residual
/// like the output. weights: weight [out,in,k,k], then (if present) bias [out]. Bias and row bias
/// exclude each other: the layer that makes the row bias adds the bias (LinearOptions::extra_bias),
/// so that a frame adds only one.
/// With upsample2x, x is first upsampled by two to nearest, without a copy (upsample2x.h). The
/// kernel is then 3x3 with padding 1, without stride, row bias or residual.
struct Conv2d {
  static constexpr const char* kName = "conv2d";
  std::int64_t in = 0, out = 0;
  int kernel = 3, stride = 1;
  /// Zeros above and left, and below and right.
  int pad_begin = 1, pad_end = 1;
  bool bias = true, row_bias = false, residual = false, upsample2x = false;
  Activation act = Activation::none;

  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
  int row_bias_input() const { return row_bias ? 1 : -1; }
  int residual_input() const { return residual ? 1 + row_bias : -1; }
};

}  // namespace streamdiffusion::graph
