#include "backend/cuda/projections.h"

#include <algorithm>

namespace streamdiffusion::backend::cuda {
namespace {

/// Whether a call that does nothing but multiply and add a bias computes the op.
bool is_plain(const graph::Graph& graph, const graph::Op& op) {
  const auto* linear = std::get_if<graph::Linear>(&op.attributes);
  if (linear == nullptr || linear->residual || linear->extra_bias || op.input_range) return false;
  return linear->act == graph::Activation::none &&
         graph.desc(op.output).dtype == graph.desc(op.inputs[0]).dtype;
}

/// Whether only ops of the value's own program read it: it then has no place in a stream's state.
bool stays_in_program(const graph::Graph& graph, graph::Value value) {
  const graph::Lifetime lifetime = graph.info(value).lifetime;
  const bool is_output =
      std::any_of(graph.outputs.begin(), graph.outputs.end(),
                  [&](const graph::Output& output) { return output.value == value; });
  bool read = false;
  for (const graph::Op& op : graph.ops) {
    if (std::find(op.inputs.begin(), op.inputs.end(), value) == op.inputs.end()) continue;
    if (graph.info(op.output).lifetime != lifetime) return false;
    read = true;
  }
  return read && !is_output;
}

bool alike(const graph::Graph& graph, const graph::Op& a, const graph::Op& b) {
  const auto &x = std::get<graph::Linear>(a.attributes), &y = std::get<graph::Linear>(b.attributes);
  return a.inputs[0] == b.inputs[0] && x.out == y.out && x.bias == y.bias &&
         graph.desc(a.output) == graph.desc(b.output) &&
         graph.info(a.output).lifetime == graph.info(b.output).lifetime;
}

}  // namespace

std::vector<Projections> find_projections(const graph::Graph& graph) {
  std::vector<Projections> found;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const graph::Op& op = graph.ops[i];
    if (!is_plain(graph, op) || !stays_in_program(graph, op.output)) continue;
    const auto same = std::find_if(found.begin(), found.end(), [&](const Projections& p) {
      return alike(graph, graph.ops[p.ops.front()], op);
    });
    same == found.end() ? found.push_back({{i}}) : same->ops.push_back(i);
  }
  std::erase_if(found, [](const Projections& p) { return p.ops.size() < 2; });
  return found;
}

std::vector<std::vector<graph::Value>> side_by_side(const graph::Graph& graph) {
  std::vector<std::vector<graph::Value>> values;
  for (const Projections& projections : find_projections(graph)) {
    std::vector<graph::Value>& outputs = values.emplace_back();
    for (const std::size_t op : projections.ops) outputs.push_back(graph.ops[op].output);
  }
  return values;
}

}  // namespace streamdiffusion::backend::cuda
