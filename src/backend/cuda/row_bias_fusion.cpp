#include "backend/cuda/row_bias_fusion.h"

#include <algorithm>

namespace streamdiffusion::backend::cuda {
namespace {

/// The only op that reads a value, by index; nothing if others do too, or if it is an output.
std::optional<std::size_t> only_reader(const graph::Graph& graph, graph::Value value) {
  const auto is_value = [&](const graph::Output& output) { return output.value == value; };
  if (std::any_of(graph.outputs.begin(), graph.outputs.end(), is_value)) return std::nullopt;
  std::optional<std::size_t> reader;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const auto reads = std::count(graph.ops[i].inputs.begin(), graph.ops[i].inputs.end(), value);
    if (reads == 0) continue;
    if (reads > 1 || reader) return std::nullopt;
    reader = i;
  }
  return reader;
}

}  // namespace

RowBiasFusion::RowBiasFusion(const host::RowGroup& group)
    : ops(group.graph.ops), row_biases(group.graph.ops.size()) {
  for (graph::Op& op : ops) {
    auto* conv = std::get_if<graph::Conv2d>(&op.attributes);
    if (conv == nullptr || !conv->row_bias || conv->residual) continue;
    if (conv->act != graph::Activation::none) continue;
    const graph::Value row_bias = op.inputs[static_cast<std::size_t>(conv->row_bias_input())];
    // in the arena it would be overwritten before the norm runs
    if (!group.plan.placements[static_cast<std::size_t>(row_bias.id)].persistent) continue;
    const std::optional<std::size_t> reader = only_reader(group.graph, op.output);
    if (!reader || ops[*reader].inputs.size() != 1 ||
        !std::holds_alternative<graph::GroupNorm>(ops[*reader].attributes)) {
      continue;
    }
    op.inputs.erase(op.inputs.begin() + conv->row_bias_input());
    conv->row_bias = false;
    row_biases[*reader] = row_bias;
  }
}

}  // namespace streamdiffusion::backend::cuda
