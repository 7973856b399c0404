// A graph of a few ops with hand-written inputs and weights, run on one device.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "graph/builder.h"

namespace streamdiffusion::backend::test {

using Numbers = std::vector<float>;
using NamedNumbers = std::map<std::string, Numbers>;

struct SmallGraph {
  /// Records the ops; the value returned becomes the output "y".
  std::function<graph::Value(graph::Builder&)> build;
  NamedNumbers inputs;
  NamedNumbers weights;
  tensor::DType activations = tensor::DType::f32;
};

/// The values of "y", from the device named.
Numbers evaluate(const SmallGraph& graph, const std::string& device = "ref");

/// An f32 input that changes with the frame.
graph::Value frame_input(graph::Builder& b, const char* name, const tensor::Shape& shape,
                         tensor::DType dtype = tensor::DType::f32);

}  // namespace streamdiffusion::backend::test
