#include "models/census.h"

#include <functional>
#include <numeric>

namespace streamdiffusion::models {

Census census(const graph::Graph& graph) {
  Census total;
  for (const graph::Weight& weight : graph.weights) {
    ++total.tensors;
    total.parameters += std::accumulate(weight.dims.begin(), weight.dims.end(), std::int64_t{1},
                                        std::multiplies<>());
  }
  for (const graph::Op& op : graph.ops) total.flops += graph.flops(op);
  return total;
}

std::vector<weights::TensorSpec> tensors_of(std::span<const graph::Graph> graphs) {
  std::vector<weights::TensorSpec> tensors;
  for (const graph::Graph& graph : graphs)
    tensors.insert(tensors.end(), graph.weights.begin(), graph.weights.end());
  return tensors;
}

}  // namespace streamdiffusion::models
