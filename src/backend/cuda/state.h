// The persistent values of one stream on a card.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda/frame_buffers.h"
#include "backend/cuda/runtime.h"
#include "backend/host/state_layout.h"

namespace streamdiffusion::backend::cuda {

/// One stream's memory on the card, and a pinned copy of its inputs and outputs in host memory,
/// which is what callers see. Running a program copies the inputs that it reads to the card first,
/// and the outputs that it writes back.
class CudaState final : public State {
 public:
  /// It refers to the layout and to `frame_ports`, what changes with every frame: both must outlive
  /// it. `arenas`: by row group. `kept_bytes`: what the ops keep from call to call, together.
  CudaState(Runtime& runtime, const host::StateLayout& layout, const Transfers& frame_ports,
            std::span<const host::RowGroup> groups,
            std::span<const std::unique_ptr<DeviceBuffer>> arenas, std::size_t kept_bytes);

  tensor::View input(std::string_view name) const override { return view(layout_.input(name)); }
  tensor::View output(std::string_view name) const override { return view(layout_.output(name)); }

  void copy(std::span<const Extent> to, const State& from, std::span<const Extent> pieces) override;
  void keep_on_device(std::string_view port) override;
  void buffer_frames() override;
  void use_buffer(int buffer) override {
    if (frames_) frames_->use(buffer);
  }
  bool belongs_to(const host::StateLayout& layout) const { return &layout == &layout_; }
  /// Address of every value of a row group on the card, by value id.
  void* const* values(std::size_t group) const { return addresses_[group].data(); }
  std::byte* kept() const { return kept_.data(); }
  /// No-ops for what is kept on the device, and for what the frame buffers have.
  void upload(const host::StateLayout::Port& port);
  void download(const host::StateLayout::Port& port);
  /// Around the frame program: what the frame buffers have.
  void copy_frame_inputs() {
    if (frames_) frames_->copy_inputs(memory_.data());
  }
  void copy_frame_outputs() {
    if (frames_) frames_->copy_outputs(memory_.data());
  }
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
    const bool buffered = frames_ && frames_->has(port);
    return {buffered ? frames_->here(port) : host_.data() + port.offset, port.desc};
  }
  void check_not_run(std::string_view what) const;
  bool is_kept(const host::StateLayout::Port& port) const;
  /// Whether programs copy the port themselves.
  bool is_copied(const host::StateLayout::Port& port) const {
    return !is_kept(port) && !(frames_ && frames_->has(port));
  }

  Runtime& runtime_;
  const host::StateLayout& layout_;
  const Transfers& frame_ports_;
  /// Ports that are kept on the device.
  std::vector<const host::StateLayout::Port*> kept_ports_;
  DeviceBuffer memory_, kept_;
  PinnedBuffer host_;
  std::optional<FrameBuffers> frames_;
  /// By row group and value.
  std::vector<std::vector<void*>> addresses_;
};

}  // namespace streamdiffusion::backend::cuda
