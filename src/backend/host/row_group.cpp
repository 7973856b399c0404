#include "backend/host/row_group.h"

#include <utility>

namespace streamdiffusion::backend::host {

RowGroup::RowGroup(graph::Graph g, const std::vector<std::vector<graph::Value>>& side_by_side)
    : graph(std::move(g)), plan(graph::plan_memory(graph, side_by_side)) {}

std::vector<RowGroup> make_row_groups(std::vector<graph::Graph> graphs) {
  std::vector<RowGroup> groups;
  groups.reserve(graphs.size());
  for (graph::Graph& graph : graphs) groups.emplace_back(std::move(graph));
  return groups;
}

}  // namespace streamdiffusion::backend::host
