// A group of a batch's rows: one graph, planned.
#pragma once

#include <vector>

#include "graph/memory_plan.h"

namespace streamdiffusion::backend::host {

struct RowGroup {
  explicit RowGroup(graph::Graph g);

  graph::Graph graph;
  graph::MemoryPlan plan;
};

std::vector<RowGroup> make_row_groups(std::vector<graph::Graph> graphs);

}  // namespace streamdiffusion::backend::host
