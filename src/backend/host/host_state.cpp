#include "backend/host/host_state.h"

namespace streamdiffusion::backend::host {

HostState::HostState(const StateLayout& layout, std::span<const RowGroup> groups)
    : layout_(layout), memory_(layout.bytes()) {
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const RowGroup& group = groups[g];
    std::vector<void*> table(group.graph.values.size(), nullptr);
    for (std::size_t v = 0; v < table.size(); ++v) {
      if (group.plan.placements[v].persistent) table[v] = memory_.data() + layout.offset(g, v);
    }
    for (const std::vector<int>& program : group.plan.programs) {
      for (const int op : program) {
        const auto v =
            static_cast<std::size_t>(group.graph.ops[static_cast<std::size_t>(op)].output.id);
        if (table[v] == nullptr) table[v] = group.arena.data() + group.plan.placements[v].offset;
      }
    }
    addresses_.push_back(std::move(table));
  }
}

}  // namespace streamdiffusion::backend::host
