// Convolutions as graphs of cuDNN.
#pragma once

#include "backend/cuda/convolution_form.h"
#include "backend/cuda/cudnn/plan.h"

namespace streamdiffusion::backend::cuda {

/// cuDNN's ids of the operands.
enum class ConvolutionOperand : std::int64_t { x = 1, weight, residual, bias, y };

/// Plans for an op from shape `x` to shape `y`, as make_plans().
std::vector<Plan> plan_convolutions(const Card& card, const graph::Conv2d& op,
                                    const tensor::Shape& x, const tensor::Shape& y,
                                    tensor::DType dtype, std::size_t most);
/// The first of them.
Plan plan_convolution(const Card& card, const graph::Conv2d& op, const tensor::Shape& x,
                      const tensor::Shape& y, tensor::DType dtype);

}  // namespace streamdiffusion::backend::cuda
