// The peak throughput of a device, which `bench` relates measured rates to.
#pragma once

#include "backend/backend.h"

namespace streamdiffusion::backend {

/// GFLOP/s of the faster of two large convolutions, in int8 or with activations of `dtype`. It is
/// measured now, which takes a second or two.
double measure_peak(Device& device, tensor::DType dtype, bool int8);

}  // namespace streamdiffusion::backend
