#include "backend/host/host_state.h"

#include <algorithm>

#include "backend/host/hoisted_rows.h"
#include "base/error.h"

namespace streamdiffusion::backend::host {

std::vector<tensor::Buffer> make_arenas(std::span<const RowGroup> groups) {
  std::vector<tensor::Buffer> arenas;
  for (const RowGroup& group : groups) arenas.emplace_back(group.plan.arena_bytes);
  return arenas;
}

HostState::HostState(const StateLayout& layout, std::span<const RowGroup> groups,
                     std::span<const tensor::Buffer> arenas, std::size_t kept_bytes)
    : layout_(layout), memory_(layout.bytes()), kept_(kept_bytes) {
  for (std::size_t g = 0; g < groups.size(); ++g)
    addresses_.push_back(layout.addresses(groups[g], g, memory_.data(), arenas[g].data()));
}

void HostState::copy(std::span<const Extent> to, const State& from,
                     std::span<const Extent> pieces) {
  const auto* other = dynamic_cast<const HostState*>(&from);
  base::require(other != nullptr, base::ErrorCode::internal, "a state of another device");
  check_extents(to, pieces);
  for (std::size_t i = 0; i < to.size(); ++i)
    std::copy_n(other->memory_.data() + pieces[i].offset, to[i].bytes,
                memory_.data() + to[i].offset);
}

}  // namespace streamdiffusion::backend::host
