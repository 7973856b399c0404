#include "backend/host/state_layout.h"

#include <algorithm>

#include "base/align.h"
#include "base/error.h"

namespace streamdiffusion::backend::host {
namespace {

using base::aligned;

constexpr std::size_t kUnplaced = static_cast<std::size_t>(-1);

template <typename Ports>
graph::Value find_value(const Ports& ports, const std::string& name) {
  for (const auto& port : ports) {
    if (port.name == name) return port.value;
  }
  base::fail(base::ErrorCode::internal, "row groups differ: one has no \"", name, "\"");
}

template <typename Ports>
void check_port_count(const Ports& first, const Ports& other, const char* what) {
  base::require(first.size() == other.size(), base::ErrorCode::internal,
                "row groups differ: one has ", first.size(), " ", what, ", another ", other.size());
}

/// But for the number of rows, a port must be the same in every row group: all rows are one view.
void check_same_rows(const std::string& name, const tensor::Desc& first, tensor::Desc other) {
  other.shape.n = first.shape.n;
  base::require(first == other, base::ErrorCode::internal, "row groups differ on \"", name,
                "\": rows of ", tensor::to_string(first.dtype), " ", tensor::to_string(first.shape),
                " and of ", tensor::to_string(other.dtype), " ", tensor::to_string(other.shape));
}

}  // namespace

StateLayout::StateLayout(std::span<const RowGroup> groups,
                         std::span<const std::string> shared_inputs) {
  base::require(!groups.empty(), base::ErrorCode::internal, "compile was given no row group");
  for (const RowGroup& group : groups) {
    check_port_count(groups.front().graph.inputs, group.graph.inputs, "inputs");
    check_port_count(groups.front().graph.outputs, group.graph.outputs, "outputs");
    offsets_.emplace_back(group.graph.values.size(), kUnplaced);
  }
  for (const graph::Input& input : groups.front().graph.inputs) {
    const bool shared =
        std::find(shared_inputs.begin(), shared_inputs.end(), input.name) != shared_inputs.end();
    add_port(inputs_, groups, input.name, shared);
  }
  for (const graph::Output& output : groups.front().graph.outputs)
    add_port(outputs_, groups, output.name, false);
  port_bytes_ = bytes_;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (std::size_t v = 0; v < offsets_[g].size(); ++v) {
      if (!groups[g].plan.placements[v].persistent || offsets_[g][v] != kUnplaced) continue;
      offsets_[g][v] = bytes_;
      bytes_ += aligned(groups[g].graph.values[v].desc.bytes());
    }
  }
}

std::vector<void*> StateLayout::addresses(const RowGroup& group, std::size_t index,
                                          std::byte* memory, std::byte* arena) const {
  std::vector<void*> table(group.graph.values.size(), nullptr);
  for (std::size_t v = 0; v < table.size(); ++v) {
    if (group.plan.placements[v].persistent) table[v] = memory + offset(index, v);
  }
  for (const std::vector<int>& program : group.plan.programs) {
    for (const int op : program) {
      const auto v =
          static_cast<std::size_t>(group.graph.ops[static_cast<std::size_t>(op)].output.id);
      if (table[v] == nullptr) table[v] = arena + group.plan.placements[v].offset;
    }
  }
  return table;
}

void StateLayout::add_port(std::vector<Port>& ports, std::span<const RowGroup> groups,
                           const std::string& name, bool shared) {
  const bool is_input = &ports == &inputs_;
  Port port{name, {}, bytes_};
  std::size_t used = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const graph::Graph& graph = groups[g].graph;
    const graph::Value value =
        is_input ? find_value(graph.inputs, name) : find_value(graph.outputs, name);
    const tensor::Desc& desc = graph.desc(value);
    if (g == 0) port.desc = desc;
    if (shared) {
      base::require(desc == port.desc, base::ErrorCode::internal,
                    "row groups differ on the shared input \"", name, "\"");
      used = 0;
    } else if (g > 0) {
      check_same_rows(name, port.desc, desc);
      port.desc.shape.n += desc.shape.n;
    }
    std::size_t& offset = offsets_[g][static_cast<std::size_t>(value.id)];
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

}  // namespace streamdiffusion::backend::host
