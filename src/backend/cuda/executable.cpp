#include "backend/cuda/executable.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

/// Whether any of the group's ops of `program` reads `value`, or writes it.
bool reads(const host::RowGroup& group, std::size_t program, graph::Value value) {
  return std::any_of(group.plan.programs[program].begin(), group.plan.programs[program].end(),
                     [&](int index) {
                       const auto& inputs = group.graph.ops[static_cast<std::size_t>(index)].inputs;
                       return std::find(inputs.begin(), inputs.end(), value) != inputs.end();
                     });
}

bool writes(const host::RowGroup& group, std::size_t program, graph::Value value) {
  return std::any_of(
      group.plan.programs[program].begin(), group.plan.programs[program].end(),
      [&](int index) { return group.graph.ops[static_cast<std::size_t>(index)].output == value; });
}

}  // namespace

CudaExecutable::CudaExecutable(Runtime& runtime, Libraries& libraries, WeightStore& store,
                               std::vector<graph::Graph> graphs, const Weights& weights,
                               std::span<const std::string> shared_inputs)
    : runtime_(runtime),
      groups_(host::make_row_groups(std::move(graphs))),
      layout_(groups_, shared_inputs),
      ops_(groups_.size()) {
  std::size_t workspace = 0;
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    compile_group(group, libraries, store, weights);
    for (const Ops& program : ops_[group])
      for (const auto& op : program) workspace = std::max(workspace, op->workspace_bytes());
    arenas_.push_back(std::make_unique<DeviceBuffer>(runtime, groups_[group].plan.arena_bytes));
  }
  workspace_ = std::make_unique<DeviceBuffer>(runtime, workspace);
  for (std::size_t program = 0; program < transfers_.size(); ++program)
    transfers_[program] = find_transfers(program);
}

void CudaExecutable::compile_group(std::size_t group, Libraries& libraries, WeightStore& store,
                                   const Weights& weights) {
  const graph::Graph& graph = groups_[group].graph;
  for (std::size_t program = 0; program < ops_[group].size(); ++program) {
    for (const int index : groups_[group].plan.programs[program]) {
      const graph::Op& op = graph.ops[static_cast<std::size_t>(index)];
      ops_[group][program].push_back(compile_op({runtime_, libraries, store, weights, graph, op}));
    }
  }
}

CudaExecutable::Transfers CudaExecutable::find_transfers(std::size_t program) const {
  Transfers transfers;
  for (std::size_t i = 0; i < layout_.inputs().size(); ++i) {
    const bool read = std::any_of(groups_.begin(), groups_.end(), [&](const host::RowGroup& g) {
      return reads(g, program, g.graph.inputs[i].value);
    });
    if (read) transfers.inputs.push_back(&layout_.inputs()[i]);
  }
  for (std::size_t i = 0; i < layout_.outputs().size(); ++i) {
    const bool written = std::any_of(groups_.begin(), groups_.end(), [&](const host::RowGroup& g) {
      return writes(g, program, g.graph.outputs[i].value);
    });
    if (written) transfers.outputs.push_back(&layout_.outputs()[i]);
  }
  return transfers;
}

std::unique_ptr<State> CudaExecutable::make_state() const {
  return std::make_unique<CudaState>(runtime_, layout_, groups_, arenas_);
}

void CudaExecutable::run(graph::Lifetime lifetime, State& state, Pause*) {
  auto* cuda_state = dynamic_cast<CudaState*>(&state);
  base::require(cuda_state != nullptr && cuda_state->belongs_to(layout_), base::ErrorCode::internal,
                "a state of another executable");
  const auto program = static_cast<std::size_t>(lifetime);
  const std::lock_guard lock(mutex_);
  CudaState::Program& memory = cuda_state->programs[program];
  if (memory.has_run && !memory.captured) memory.captured = capture(program, *cuda_state);
  memory.captured ? memory.captured->launch() : queue(program, *cuda_state);
  memory.has_run = true;
  runtime_.synchronize();
}

std::unique_ptr<CapturedGraph> CudaExecutable::capture(std::size_t program,
                                                       CudaState& state) const {
  runtime_.begin_capture();
  try {
    queue(program, state);
  } catch (...) {
    runtime_.end_capture();
    throw;
  }
  return runtime_.end_capture();
}

void CudaExecutable::queue(std::size_t program, CudaState& state) const {
  for (const auto* port : transfers_[program].inputs) state.upload(*port);
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    for (std::size_t i = 0; i < ops_[group][program].size(); ++i)
      launch_op(group, program, i, state);
  }
  for (const auto* port : transfers_[program].outputs) state.download(*port);
}

void CudaExecutable::launch_op(std::size_t group, std::size_t program, std::size_t position,
                               const CudaState& state) const {
  const graph::Graph& graph = groups_[group].graph;
  const int index = groups_[group].plan.programs[program][position];
  const graph::Op& op = graph.ops[static_cast<std::size_t>(index)];
  const auto view = [&](graph::Value value) {
    return tensor::View{state.values(group)[static_cast<std::size_t>(value.id)], graph.desc(value)};
  };
  Operands operands{.inputs = {}, .output = view(op.output), .workspace = workspace_->data()};
  for (std::size_t i = 0; i < op.inputs.size(); ++i) operands.inputs[i] = view(op.inputs[i]);
  ops_[group][program][position]->launch(operands);
}

std::vector<OpReport> CudaExecutable::report() const {
  std::vector<OpReport> reports;
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    const graph::Graph& graph = groups_[group].graph;
    for (std::size_t program = 0; program < ops_[group].size(); ++program) {
      for (std::size_t i = 0; i < ops_[group][program].size(); ++i) {
        const int index = groups_[group].plan.programs[program][i];
        const graph::Op& op = graph.ops[static_cast<std::size_t>(index)];
        OpReport report{.name = op.name,
                        .kind = op.kind(),
                        .stage = op.stage,
                        .implementation = ops_[group][program][i]->implementation(),
                        .lifetime = static_cast<graph::Lifetime>(program),
                        .flops = graph.flops(op),
                        .bytes = graph.bytes(op)};
        reports.push_back(std::move(report));
      }
    }
  }
  return reports;
}

std::size_t CudaExecutable::arena_bytes() const {
  std::size_t bytes = workspace_->size();
  for (const auto& arena : arenas_) bytes += arena->size();
  return bytes;
}

}  // namespace streamdiffusion::backend::cuda
