// What an op of the reference backend works on. Inputs arrive converted to f32, the output leaves
// in f32, both in memory of their own: an op never sees another type, nor an input that shares
// memory with its output.
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

constexpr std::size_t kMostInputs = 3;
constexpr std::size_t kMostWeights = 3;

struct Call {
  std::array<Tensor, kMostInputs> inputs;
  /// The inputs as the graph stores them.
  std::array<tensor::View, kMostInputs> stored;
  /// In the order of Op::weights, layout as packing() says.
  std::array<const float*, kMostWeights> weights{};
  Tensor output;
  /// As many as sums() of the op asks for.
  double* sums = nullptr;
};

}  // namespace streamdiffusion::backend::ref
