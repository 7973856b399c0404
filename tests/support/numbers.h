// Made-up inputs: a number is a hash of its tensor's name and its index, by the formula of
// src/weights/hash_weights.h (where the weights come from), so that C++ and tools/goldens/ops.py
// agree on every value without storing one.
#pragma once

#include <cstdint>
#include <string_view>

#include "tensor/tensor.h"

namespace streamdiffusion::backend::test {

/// Evenly spread over (-1, 1), exact in f32.
double uniform(std::string_view name, std::int64_t index);

/// The nearest number of f32, bf16 or f16.
float rounded(float value, tensor::DType dtype);

/// One element of a view, and setting it (to nearest even; the value must fit an integer type).
float get(const tensor::View& view, std::int64_t index);
void set(const tensor::View& view, std::int64_t index, double value);

}  // namespace streamdiffusion::backend::test
