// The data type of activations, from what the user asks for.
#pragma once

#include "backend/backend.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::session {

/// The type of activations on this device. With DataType::int8 they keep the device's preferred
/// type: only the operands of matmuls and convolutions are int8. Throws unsupported where the
/// device cannot compute in the wanted type.
tensor::DType choose_dtype(DataType wanted, const backend::Device& device);

}  // namespace streamdiffusion::session
