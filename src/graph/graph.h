// A static computation over named inputs, in single assignment form. All shapes are known, and the
// ops are in an order in which they can run.
#pragma once

#include <string>
#include <vector>

#include "graph/op.h"
#include "tensor/tensor.h"

namespace streamdiffusion::graph {

struct ValueInfo {
  tensor::Desc desc;
  Lifetime lifetime = Lifetime::per_frame;
  /// Index into Graph::ops; -1 for an input.
  int producer = -1;
};

/// A tensor of the model file that an op reads.
using Weight = tensor::TensorSpec;

struct Input {
  std::string name;
  Value value;
};

struct Output {
  std::string name;
  Value value;
};

struct Graph {
  std::vector<ValueInfo> values;
  std::vector<Op> ops;
  /// No name occurs twice.
  std::vector<Weight> weights;
  std::vector<Input> inputs;
  std::vector<Output> outputs;

  const tensor::Desc& desc(Value value) const {
    return values[static_cast<std::size_t>(value.id)].desc;
  }
  const ValueInfo& info(Value value) const { return values[static_cast<std::size_t>(value.id)]; }
  std::vector<tensor::Shape> input_shapes(const Op& op) const;
  /// Floating-point operations of one op. A multiply-add counts as two.
  double flops(const Op& op) const;
  /// Bytes of its inputs, its output and its weights, the weights in the output's type.
  double bytes(const Op& op) const;
  /// Bytes of an op's weights as devices keep them: vectors and tables of embeddings are f32.
  std::size_t weight_bytes(const Op& op) const;
  /// Bytes that an op keeps from call to call for each stream. A device that packs them needs a few
  /// percent more.
  std::size_t kept_bytes(const Op& op) const;
};

}  // namespace streamdiffusion::graph
