// Counts a graph's tensors, parameters and floating-point operations: for `info`, `bench` and the
// tests against the published networks (docs/algorithm.md, section 13).
#pragma once

#include <cstdint>
#include <span>

#include "graph/graph.h"
#include "weights/weight_source.h"

namespace streamdiffusion::models {

struct ParameterCount {
  /// Weight tensors.
  std::int64_t tensors = 0;
  /// Elements of all weight tensors.
  std::int64_t parameters = 0;
  /// Of one call with every lifetime computed; a multiply-add counts as two.
  double flops = 0;
};

/// Counts one graph.
ParameterCount count_parameters(const graph::Graph& graph);

/// The tensors that the graphs of one component folder read together, for WeightSource::check.
std::vector<weights::TensorSpec> required_tensors(std::span<const graph::Graph> graphs);

}  // namespace streamdiffusion::models
