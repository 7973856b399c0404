// Linear layers that read one input and become one call: the projections of self-attention to
// queries, keys and values. Three small products leave much of a card idle; one call of three fills
// it better, and is two launches less.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace streamdiffusion::backend::cuda {

/// Of equal shape and kind, each with a weight of its own.
struct Projections {
  /// Indices of the ops in the graph, ascending.
  std::vector<std::size_t> ops;
};

/// All of a graph. Their outputs are in the arena, if the plan places them there side by side.
std::vector<Projections> find_projections(const graph::Graph& graph);

/// What plan_memory() places side by side: the outputs of each.
std::vector<std::vector<graph::Value>> side_by_side(const graph::Graph& graph);

}  // namespace streamdiffusion::backend::cuda
