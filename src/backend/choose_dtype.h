#pragma once

#include "backend/backend.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::backend {

/// The type that a device keeps activations in for what a user wants; int8 is of products alone.
/// Throws unsupported where the device has no such arithmetic.
tensor::DType choose_dtype(DataType wanted, const Device& device);

}  // namespace streamdiffusion::backend
