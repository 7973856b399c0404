// A group of a batch's rows: one graph, planned, with the arena that its ops share.
#pragma once

#include <vector>

#include "graph/memory_plan.h"
#include "tensor/buffer.h"

namespace streamdiffusion::backend::host {

struct RowGroup {
  explicit RowGroup(graph::Graph g);

  graph::Graph graph;
  graph::MemoryPlan plan;
  tensor::Buffer arena;
};

std::vector<RowGroup> make_row_groups(std::vector<graph::Graph> graphs);

}  // namespace streamdiffusion::backend::host
