// Lanes and streams of a backend whose values live in host memory: which bytes each value of each
// lane is.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "tensor/buffer.h"

namespace streamdiffusion::backend {

/// One lane: a graph, its plan and the arena its ops share.
struct Lane {
  explicit Lane(graph::Graph g);

  graph::Graph graph;
  graph::MemoryPlan plan;
  tensor::Buffer arena;
};

/// Where the inputs and outputs of all lanes lie in a stream's memory. The values of one name are
/// neighbors, rows in order, so that the caller sees one view; everything else of a lane is its
/// own.
class StateLayout {
 public:
  /// Throws internal if there is no lane, or if the lanes differ in the names, types or row shapes
  /// of their ports.
  StateLayout(std::span<const Lane> lanes, std::span<const std::string> shared_inputs);

  struct Port {
    std::string name;
    /// Over all lanes.
    tensor::Desc desc;
    /// Bytes into the stream's memory.
    std::size_t offset = 0;
  };

  const Port& input(std::string_view name) const { return find(inputs_, name, "input"); }
  const Port& output(std::string_view name) const { return find(outputs_, name, "output"); }
  std::size_t bytes() const { return bytes_; }
  /// Bytes into the stream's memory where a persistent value of a lane lies.
  std::size_t offset(std::size_t lane, std::size_t value) const { return offsets_[lane][value]; }

 private:
  static const Port& find(const std::vector<Port>& ports, std::string_view name, const char* what);
  void add_port(std::vector<Port>& ports, std::span<const Lane> lanes, const std::string& name,
                bool shared);

  std::vector<Port> inputs_, outputs_;
  std::vector<std::vector<std::size_t>> offsets_;
  std::size_t bytes_ = 0;
};

/// One stream's memory, and for each lane a table with the address of every value (arena values
/// included). Points into the layout and the lanes, which must outlive it.
class HostState final : public State {
 public:
  HostState(const StateLayout& layout, std::span<const Lane> lanes);

  tensor::View input(std::string_view name) const override { return view(layout_.input(name)); }
  tensor::View output(std::string_view name) const override { return view(layout_.output(name)); }
  /// True if this state was made for `layout` (and so for the executable that owns it).
  bool belongs_to(const StateLayout& layout) const { return &layout == &layout_; }
  /// Address of every value of a lane, by value id; null for a value that no program computes.
  void* const* values(std::size_t lane) const { return addresses_[lane].data(); }

 private:
  tensor::View view(const StateLayout::Port& port) const {
    return {memory_.data() + port.offset, port.desc};
  }

  const StateLayout& layout_;
  tensor::Buffer memory_;
  std::vector<std::vector<void*>> addresses_;
};

}  // namespace streamdiffusion::backend
