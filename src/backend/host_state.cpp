#include "backend/host_state.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::backend {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kUnplaced = static_cast<std::size_t>(-1);

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

template <typename Ports>
graph::Value find_value(const Ports& ports, const std::string& name) {
  for (const auto& port : ports) {
    if (port.name == name) return port.value;
  }
  base::fail(base::ErrorCode::internal, "lanes differ: one has no \"", name, "\"");
}

template <typename Ports>
void check_port_count(const Ports& first, const Ports& other, const char* what) {
  base::require(first.size() == other.size(), base::ErrorCode::internal, "lanes differ: one has ",
                first.size(), " ", what, ", another ", other.size());
}

/// Rows aside, a port is the same in every lane; so that the lanes' rows are one view.
void check_same_rows(const std::string& name, const tensor::Desc& first, tensor::Desc other) {
  other.shape.n = first.shape.n;
  base::require(first == other, base::ErrorCode::internal, "lanes differ on \"", name,
                "\": rows of ", tensor::to_string(first.dtype), " ", tensor::to_string(first.shape),
                " and of ", tensor::to_string(other.dtype), " ", tensor::to_string(other.shape));
}

}  // namespace

Lane::Lane(graph::Graph g)
    : graph(std::move(g)), plan(graph::plan_memory(graph)), arena(plan.arena_bytes) {}

StateLayout::StateLayout(std::span<const Lane> lanes, std::span<const std::string> shared_inputs) {
  base::require(!lanes.empty(), base::ErrorCode::internal, "compile was given no lane");
  for (const Lane& lane : lanes) {
    check_port_count(lanes.front().graph.inputs, lane.graph.inputs, "inputs");
    check_port_count(lanes.front().graph.outputs, lane.graph.outputs, "outputs");
    offsets_.emplace_back(lane.graph.values.size(), kUnplaced);
  }
  for (const graph::Input& input : lanes.front().graph.inputs) {
    const bool shared =
        std::find(shared_inputs.begin(), shared_inputs.end(), input.name) != shared_inputs.end();
    add_port(inputs_, lanes, input.name, shared);
  }
  for (const graph::Output& output : lanes.front().graph.outputs)
    add_port(outputs_, lanes, output.name, false);
  for (std::size_t l = 0; l < lanes.size(); ++l) {
    for (std::size_t v = 0; v < offsets_[l].size(); ++v) {
      if (!lanes[l].plan.placements[v].persistent || offsets_[l][v] != kUnplaced) continue;
      offsets_[l][v] = bytes_;
      bytes_ += aligned(lanes[l].graph.values[v].desc.bytes());
    }
  }
}

void StateLayout::add_port(std::vector<Port>& ports, std::span<const Lane> lanes,
                           const std::string& name, bool shared) {
  const bool is_input = &ports == &inputs_;
  Port port{name, {}, bytes_};
  std::size_t used = 0;
  for (std::size_t l = 0; l < lanes.size(); ++l) {
    const graph::Graph& graph = lanes[l].graph;
    const graph::Value value =
        is_input ? find_value(graph.inputs, name) : find_value(graph.outputs, name);
    const tensor::Desc& desc = graph.desc(value);
    if (l == 0) port.desc = desc;
    if (shared) {
      base::require(desc == port.desc, base::ErrorCode::internal,
                    "lanes differ on the shared input \"", name, "\"");
      used = 0;
    } else if (l > 0) {
      check_same_rows(name, port.desc, desc);
      port.desc.shape.n += desc.shape.n;
    }
    std::size_t& offset = offsets_[l][static_cast<std::size_t>(value.id)];
    base::require(offset == kUnplaced, base::ErrorCode::internal, "\"", name,
                  "\" names a value that has a name already");
    offset = bytes_ + used;
    used += desc.bytes();
  }
  bytes_ += aligned(used);
  ports.push_back(std::move(port));
}

const StateLayout::Port& StateLayout::find(const std::vector<Port>& ports, std::string_view name,
                                           const char* what) {
  for (const Port& port : ports) {
    if (port.name == name) return port;
  }
  base::fail(base::ErrorCode::not_found, "the graph has no ", what, " \"", name, "\"");
}

HostState::HostState(const StateLayout& layout, std::span<const Lane> lanes)
    : layout_(layout), memory_(layout.bytes()) {
  for (std::size_t l = 0; l < lanes.size(); ++l) {
    const Lane& lane = lanes[l];
    std::vector<void*> table(lane.graph.values.size(), nullptr);
    for (std::size_t v = 0; v < table.size(); ++v) {
      if (lane.plan.placements[v].persistent) table[v] = memory_.data() + layout.offset(l, v);
    }
    for (const std::vector<int>& program : lane.plan.programs) {
      for (const int op : program) {
        const auto v =
            static_cast<std::size_t>(lane.graph.ops[static_cast<std::size_t>(op)].output.id);
        if (table[v] == nullptr) table[v] = lane.arena.data() + lane.plan.placements[v].offset;
      }
    }
    addresses_.push_back(std::move(table));
  }
}

}  // namespace streamdiffusion::backend
