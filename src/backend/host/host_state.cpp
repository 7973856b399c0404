#include "backend/host/host_state.h"

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

}  // namespace streamdiffusion::backend::host
