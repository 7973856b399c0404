// Conversion between the types that a graph stores and the f32 that ops compute in.
#pragma once

#include "tensor/tensor.h"

namespace streamdiffusion::backend::ref {

/// Whether the type is f32, bf16, u8 or i32.
bool can_store(tensor::DType dtype);

/// Converts every element of `source` to f32 (i32 beyond 2^24 is rounded).
void load(const tensor::View& source, float* out);

/// Converts to the type of `target`, to nearest, ties to even. u8 and i32 saturate; NaN becomes 0
/// in them.
void store(const float* source, const tensor::View& target);

}  // namespace streamdiffusion::backend::ref
