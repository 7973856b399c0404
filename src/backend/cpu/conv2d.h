// The forms that a convolution has on a processor; make_kernel() takes the first that fits.
#pragma once

#include "backend/cpu/kernel.h"

namespace streamdiffusion::backend::cpu {

/// Of a picture seen at twice its size: four convolutions, one for each phase.
std::unique_ptr<Kernel> make_doubled_conv2d(const graph::Conv2d& op, const KernelContext& context);

/// Whether an op is one of those at the edges, from or to a few channels, on which the library
/// spends most of its lanes on padding.
bool is_thin(const graph::Conv2d& op, tensor::DType dtype);
std::unique_ptr<Kernel> make_thin_conv2d(const graph::Conv2d& op, const KernelContext& context);

}  // namespace streamdiffusion::backend::cpu
