// A group of a batch's rows: one graph, planned.
#pragma once

#include <vector>

#include "graph/memory_plan.h"

namespace streamdiffusion::backend::host {

struct RowGroup {
  /// `side_by_side` as for plan_memory().
  explicit RowGroup(graph::Graph g,
                    const std::vector<std::vector<graph::Value>>& side_by_side = {});

  graph::Graph graph;
  graph::MemoryPlan plan;
};

std::vector<RowGroup> make_row_groups(std::vector<graph::Graph> graphs);

}  // namespace streamdiffusion::backend::host
