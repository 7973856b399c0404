// The persistent values of one stream on a card.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda/runtime.h"
#include "backend/host/state_layout.h"

namespace streamdiffusion::backend::cuda {

/// One stream's memory on the card, and a pinned copy of its inputs and outputs in host memory,
/// which is what callers see. Running a program copies the inputs that it reads to the card first,
/// and the outputs that it writes back.
class CudaState final : public State {
 public:
  /// It refers to the layout, which must outlive it. `arenas`: by row group. `kept_bytes`: what the
  /// ops keep from call to call, together.
  CudaState(Runtime& runtime, const host::StateLayout& layout,
            std::span<const host::RowGroup> groups,
            std::span<const std::unique_ptr<DeviceBuffer>> arenas, std::size_t kept_bytes);

  tensor::View input(std::string_view name) const override { return view(layout_.input(name)); }
  tensor::View output(std::string_view name) const override { return view(layout_.output(name)); }

  void copy(std::span<const Extent> to, const State& from, std::span<const Extent> pieces) override;
  void keep_on_device(std::string_view port) override;
  bool belongs_to(const host::StateLayout& layout) const { return &layout == &layout_; }
  /// Address of every value of a row group on the card, by value id.
  void* const* values(std::size_t group) const { return addresses_[group].data(); }
  std::byte* kept() const { return kept_.data(); }
  /// No-ops for what is kept on the device.
  void upload(const host::StateLayout::Port& port);
  void download(const host::StateLayout::Port& port);
  /// A named input or output on the card.
  std::byte* on_card(const host::StateLayout::Port& port) const {
    return memory_.data() + port.offset;
  }
  const host::StateLayout& layout() const { return layout_; }

  /// The captured work of each program, once it has run.
  struct Program {
    int runs = 0;
    std::unique_ptr<CapturedGraph> captured;
  };
  std::array<Program, graph::kLifetimes> programs;

 private:
  tensor::View view(const host::StateLayout::Port& port) const {
    return {host_.data() + port.offset, port.desc};
  }

  bool stays(const host::StateLayout::Port& port) const;

  Runtime& runtime_;
  const host::StateLayout& layout_;
  /// Ports that are kept on the device.
  std::vector<const host::StateLayout::Port*> kept_ports_;
  DeviceBuffer memory_, kept_;
  PinnedBuffer host_;
  /// By row group and value.
  std::vector<std::vector<void*>> addresses_;
};

}  // namespace streamdiffusion::backend::cuda
