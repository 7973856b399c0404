#include "backend/cuda/state.h"

#include <algorithm>

namespace streamdiffusion::backend::cuda {

CudaState::CudaState(Runtime& runtime, const host::StateLayout& layout,
                     std::span<const host::RowGroup> groups,
                     std::span<const std::unique_ptr<DeviceBuffer>> arenas, std::size_t kept_bytes)
    : runtime_(runtime),
      layout_(layout),
      memory_(runtime, layout.bytes()),
      kept_(runtime, kept_bytes),
      host_(runtime, layout.port_bytes()) {
  std::fill_n(host_.data(), layout.port_bytes(), std::byte{});
  for (std::size_t g = 0; g < groups.size(); ++g)
    addresses_.push_back(layout.addresses(groups[g], g, memory_.data(), arenas[g]->data()));
}

void CudaState::upload(const host::StateLayout::Port& port) {
  runtime_.upload(memory_.data() + port.offset, host_.data() + port.offset, port.desc.bytes());
}

void CudaState::download(const host::StateLayout::Port& port) {
  runtime_.download(host_.data() + port.offset, memory_.data() + port.offset, port.desc.bytes());
}

}  // namespace streamdiffusion::backend::cuda
