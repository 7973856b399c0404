#pragma once

#include "backend/backend.h"

namespace streamdiffusion::backend {

/// What a device can do at most: GFLOP/s of the faster of two large convolutions, measured now in a
/// second or two. `eight_bits`: of products in 8 bits.
double measure_ceiling(Device& device, tensor::DType dtype, bool eight_bits);

}  // namespace streamdiffusion::backend
