#include "backend/cuda/state.h"

#include <algorithm>

#include "backend/host/hoisted_rows.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {

CudaState::CudaState(Runtime& runtime, const host::StateLayout& layout,
                     const Transfers& frame_ports, std::span<const host::RowGroup> groups,
                     std::span<const std::unique_ptr<DeviceBuffer>> arenas, std::size_t kept_bytes)
    : runtime_(runtime),
      layout_(layout),
      frame_ports_(frame_ports),
      memory_(runtime, layout.bytes()),
      kept_(runtime, kept_bytes),
      host_(runtime, layout.port_bytes()) {
  std::fill_n(host_.data(), layout.port_bytes(), std::byte{});
  for (std::size_t g = 0; g < groups.size(); ++g)
    addresses_.push_back(layout.addresses(groups[g], g, memory_.data(), arenas[g]->data()));
}

void CudaState::check_not_run(std::string_view what) const {
  for (const Program& program : programs)
    base::require(program.runs == 0, base::ErrorCode::internal, what, ": a program has run");
}

void CudaState::keep_on_device(std::string_view port) {
  check_not_run(port);
  const auto named = [&](const host::StateLayout::Port& p) { return p.name == port; };
  const auto input = std::ranges::find_if(layout_.inputs(), named);
  kept_ports_.push_back(input != layout_.inputs().end() ? &*input : &layout_.output(port));
}

void CudaState::buffer_frames() {
  check_not_run("frame buffers");
  Transfers ports = frame_ports_;
  for (auto* list : {&ports.inputs, &ports.outputs})
    std::erase_if(*list, [&](const auto* port) { return is_kept(*port); });
  frames_.emplace(runtime_, ports);
}

bool CudaState::is_kept(const host::StateLayout::Port& port) const {
  return std::ranges::find(kept_ports_, &port) != kept_ports_.end();
}

void CudaState::upload(const host::StateLayout::Port& port) {
  if (!is_copied(port)) return;
  runtime_.upload(memory_.data() + port.offset, host_.data() + port.offset, port.desc.bytes());
}

void CudaState::download(const host::StateLayout::Port& port) {
  if (!is_copied(port)) return;
  runtime_.download(host_.data() + port.offset, memory_.data() + port.offset, port.desc.bytes());
}

/// Queued: the next program runs behind it.
void CudaState::copy(std::span<const Extent> to, const State& from,
                     std::span<const Extent> pieces) {
  const auto* other = dynamic_cast<const CudaState*>(&from);
  base::require(other != nullptr, base::ErrorCode::internal, "a state of another device");
  host::check_extents(to, pieces);
  const StreamLock stream(runtime_);
  for (std::size_t i = 0; i < to.size(); ++i) {
    runtime_.copy(memory_.data() + to[i].offset, other->memory_.data() + pieces[i].offset,
                  to[i].bytes);
  }
}

}  // namespace streamdiffusion::backend::cuda
