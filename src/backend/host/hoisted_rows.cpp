#include "backend/host/hoisted_rows.h"

#include <algorithm>

#include "base/error.h"
#include "graph/hoisted_values.h"

namespace streamdiffusion::backend::host {

std::vector<std::vector<Extent>> hoisted_rows(std::span<const RowGroup> groups,
                                              const StateLayout& layout, graph::Lifetime lifetime) {
  std::vector<std::vector<Extent>> rows;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const graph::Graph& graph = groups[g].graph;
    const std::size_t first = rows.size();
    const auto count = static_cast<int>(graph.desc(graph.outputs.front().value).shape.n);
    rows.resize(first + static_cast<std::size_t>(count));
    for (const auto& hoisted : graph::hoisted_values(graph, groups[g].plan, count)) {
      if (hoisted.lifetime != lifetime) continue;
      const auto value = static_cast<std::size_t>(hoisted.value.id);
      const auto bytes = static_cast<std::size_t>(graph.desc(hoisted.value).row_bytes());
      for (std::size_t row = 0; row < hoisted.rows.size(); ++row) {
        const std::size_t from = static_cast<std::size_t>(hoisted.rows[row]) * bytes;
        rows[first + row].push_back({layout.offset(g, value) + from, bytes});
      }
    }
  }
  return rows;
}

std::vector<std::string> frame_inputs(const graph::Graph& graph) {
  std::vector<std::string> names;
  for (const graph::Input& input : graph.inputs) {
    if (graph.info(input.value).lifetime == graph::Lifetime::per_frame) names.push_back(input.name);
  }
  return names;
}

void check_extents(std::span<const Extent> to, std::span<const Extent> from) {
  const bool same = std::ranges::equal(to, from, {}, &Extent::bytes, &Extent::bytes);
  base::require(same, base::ErrorCode::internal, "a row of ", from.size(),
                " values computed ahead for a seat of ", to.size(),
                ": the two executables compute different things");
}

}  // namespace streamdiffusion::backend::host
