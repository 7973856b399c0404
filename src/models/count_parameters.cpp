// Sums over the weights and ops of a graph.
#include "models/count_parameters.h"

#include <functional>
#include <numeric>

namespace streamdiffusion::models {

ParameterCount count_parameters(const graph::Graph& graph) {
  ParameterCount total;
  for (const graph::Weight& weight : graph.weights) {
    ++total.tensors;
    total.parameters += std::accumulate(weight.dims.begin(), weight.dims.end(), std::int64_t{1},
                                        std::multiplies<>());
  }
  for (const graph::Op& op : graph.ops) total.flops += graph.flops(op);
  return total;
}

std::vector<weights::TensorSpec> required_tensors(std::span<const graph::Graph> graphs) {
  std::vector<weights::TensorSpec> tensors;
  for (const graph::Graph& graph : graphs)
    tensors.insert(tensors.end(), graph.weights.begin(), graph.weights.end());
  return tensors;
}

}  // namespace streamdiffusion::models
