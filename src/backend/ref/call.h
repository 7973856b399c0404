// The arguments of an op of the reference backend. Inputs are converted to f32 and the output is
// converted from f32, both in memory of their own: an op sees no other type, and no input that
// shares memory with its output.
#pragma once

#include <array>

#include "tensor/tensor.h"

namespace streamdiffusion::backend::ref {

/// Dense f32 values, channels innermost.
struct Tensor {
  tensor::Shape shape;
  float* data = nullptr;

  /// The channels of one token, tokens counted over all rows.
  float* token(std::int64_t index) const { return data + index * shape.c; }
  float* row(std::int64_t index) const { return data + index * shape.row_elements(); }
};

constexpr std::size_t kMaxInputs = 4;
constexpr std::size_t kMaxWeights = 3;

struct Call {
  std::array<Tensor, kMaxInputs> inputs;
  /// The inputs as the graph stores them.
  std::array<tensor::View, kMaxInputs> stored;
  /// In the order of Op::weights, in the layout of packing().
  std::array<const float*, kMaxWeights> weights{};
  Tensor output;
  /// sums(op) of them.
  double* sums = nullptr;
  /// What the op keeps for the stream: kept(op) elements, zero at first.
  float* kept = nullptr;
};

}  // namespace streamdiffusion::backend::ref
