// Counts what a graph needs: tensors, parameters, operations. For `info`, `bench` and the tests
// of the published networks (docs/algorithm.md, section 13).
#pragma once

#include <cstdint>
#include <span>

#include "graph/graph.h"
#include "weights/weight_source.h"

namespace streamdiffusion::models {

struct Census {
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  /// Of one call, every lifetime together; a multiply-add counts two.
  double flops = 0;
};

Census census(const graph::Graph& graph);

/// The tensors that the graphs of one model folder read together, for WeightSource::check.
std::vector<weights::TensorSpec> tensors_of(std::span<const graph::Graph> graphs);

}  // namespace streamdiffusion::models
