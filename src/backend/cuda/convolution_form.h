// How a convolution is divided between one call of cuDNN and kernels of our own.
//
// Engines that are compiled in advance exist for a convolution, then a residual, then a bias of the
// same type, then ReLU, in this order. What goes beyond that is left to launch_add_bias: another
// graph would fall to an engine that is compiled while the model loads, and is slower.
#pragma once

#include "graph/ops/conv2d.h"

namespace streamdiffusion::backend::cuda {

struct ConvolutionForm {
  /// Channels of the call's input: a multiple of 8, for tensor cores. The input is padded with
  /// zeros before the call if the op has fewer.
  std::int64_t in = 0;
  /// What the call adds.
  bool bias = false, residual = false, relu = false;
  /// Whether launch_add_bias adds the rest.
  bool add_bias = false;
  /// A 3x3 convolution after a 2x nearest upsample is the transpose of a 4x4 convolution with
  /// stride 2 and padding 1, whose data gradient cuDNN computes.
  bool transposed = false;

  /// Taps of the call's kernel along one side.
  std::int64_t taps(const graph::Conv2d& op) const { return transposed ? 4 : op.kernel; }
  /// As the weights lie in memory: [out, taps, taps, in], or of a transposed convolution
  /// [in, taps, taps, out].
  tensor::Shape weight_shape(const graph::Conv2d& op) const {
    return transposed ? tensor::Shape{in, taps(op), taps(op), op.out}
                      : tensor::Shape{op.out, taps(op), taps(op), in};
  }
};

ConvolutionForm convolution_form(const graph::Conv2d& op, tensor::DType dtype);

}  // namespace streamdiffusion::backend::cuda
