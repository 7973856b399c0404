// The persistent values of one stream on a device whose values live in host memory.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "backend/host/state_layout.h"
#include "tensor/buffer.h"

namespace streamdiffusion::backend::host {

/// The memory that the ops of each row group share.
std::vector<tensor::Buffer> make_arenas(std::span<const RowGroup> groups);

/// One stream's memory, and for each row group a table with the address of every value, arena
/// values included. It refers to the layout and the arenas, which must outlive it.
class HostState final : public State {
 public:
  /// `kept_bytes`: what the ops keep from call to call, together.
  HostState(const StateLayout& layout, std::span<const RowGroup> groups,
            std::span<const tensor::Buffer> arenas, std::size_t kept_bytes);

  tensor::View input(std::string_view name) const override { return view(layout_.input(name)); }
  tensor::View output(std::string_view name) const override { return view(layout_.output(name)); }
  void copy(std::span<const Extent> to, const State& from, std::span<const Extent> pieces) override;
  /// Whether this state was made for `layout`, and so for the executable that owns it.
  bool belongs_to(const StateLayout& layout) const { return &layout == &layout_; }
  /// Address of every value of a row group, by value id; null for a value that no program computes.
  void* const* values(std::size_t group) const { return addresses_[group].data(); }
  /// Zero at first.
  std::byte* kept() const { return kept_.data(); }

 private:
  tensor::View view(const StateLayout::Port& port) const {
    return {memory_.data() + port.offset, port.desc};
  }

  const StateLayout& layout_;
  tensor::Buffer memory_, kept_;
  /// By row group and value.
  std::vector<std::vector<void*>> addresses_;
};

}  // namespace streamdiffusion::backend::host
