// Convolutions as graphs of cuDNN.
//
// Engines that are compiled in advance exist for a convolution, then a residual, then a bias of the
// same type, then ReLU, in this order. What goes beyond that is left to launch_add_bias: another
// graph would fall to an engine that is compiled while the model loads, and is slower.
#pragma once

#include "backend/cuda/cudnn/plan.h"
#include "graph/ops/conv2d.h"

namespace streamdiffusion::backend::cuda {

/// How an op is divided between one call of cuDNN and kernels of our own.
struct ConvolutionForm {
  /// Channels of the call's input: a multiple of 8, for tensor cores. The input is padded with zeros
  /// before the call if the op has fewer.
  std::int64_t in = 0;
  /// What the call adds.
  bool bias = false, residual = false, relu = false;
  /// Whether launch_add_bias adds the rest.
  bool add_bias = false;
  /// A 3x3 convolution after a 2x nearest upsample is the transpose of a 4x4 convolution with stride
  /// 2, whose data gradient cuDNN computes.
  bool transposed = false;
};
ConvolutionForm convolution_form(const graph::Conv2d& op, tensor::DType dtype);

/// cuDNN's ids of the operands.
enum class ConvolutionOperand : std::int64_t { x = 1, weight, residual, bias, y };

/// A plan for an op from shape `x` to shape `y`. Throws unsupported.
Plan plan_convolution(const Card& card, const graph::Conv2d& op, const tensor::Shape& x,
                      const tensor::Shape& y, tensor::DType dtype);

}  // namespace streamdiffusion::backend::cuda
