#include "backend/cuda/executable.h"

#include <algorithm>
#include <optional>

#include "backend/cuda/projections.h"
#include "base/align.h"
#include "base/clock.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

/// Runs of a program on one stream whose ops are timed: launched one by one, then as a graph.
constexpr int kProfiledRuns = 2;

std::size_t mebibytes(std::size_t bytes) {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  return (bytes + kMiB - 1) / kMiB;
}

/// As they lie on the card, roughly: in the type of each op's output.
std::size_t weight_bytes(const graph::Graph& graph) {
  std::size_t bytes = 0;
  for (const graph::Op& op : graph.ops) {
    for (const int weight : op.weights) {
      std::size_t elements = 1;
      for (const std::int64_t dim : graph.weights[static_cast<std::size_t>(weight)].dims)
        elements *= static_cast<std::size_t>(dim);
      bytes += elements * tensor::size_of(graph.desc(op.output).dtype);
    }
  }
  return bytes;
}

/// Whether any of the group's ops of `program` reads `value`, or writes it.
bool reads(const host::RowGroup& group, std::size_t program, graph::Value value) {
  return std::any_of(group.plan.programs[program].begin(), group.plan.programs[program].end(),
                     [&](int index) {
                       const auto& inputs = group.graph.ops[static_cast<std::size_t>(index)].inputs;
                       return std::find(inputs.begin(), inputs.end(), value) != inputs.end();
                     });
}

std::vector<host::RowGroup> make_groups(std::vector<graph::Graph> graphs) {
  std::vector<host::RowGroup> groups;
  groups.reserve(graphs.size());
  for (graph::Graph& graph : graphs) {
    const auto outputs = side_by_side(graph);
    groups.emplace_back(std::move(graph), outputs);
  }
  return groups;
}

/// Bytes from one of the outputs to the next, if all are the same; nothing if not, and if the plan
/// leaves one of the ops out.
std::optional<std::size_t> stride_of(const host::RowGroup& group, const Projections& projections) {
  const auto place = [&](std::size_t i) {
    const graph::Value output = group.graph.ops[projections.ops[i]].output;
    return group.plan.placements[static_cast<std::size_t>(output.id)];
  };
  const graph::Value first = group.graph.ops[projections.ops[0]].output;
  const std::size_t stride = base::aligned(group.graph.desc(first).bytes());
  const auto& program =
      group.plan.programs[static_cast<std::size_t>(group.graph.info(first).lifetime)];
  for (std::size_t i = 0; i < projections.ops.size(); ++i) {
    const auto index = static_cast<int>(projections.ops[i]);
    const bool planned = std::find(program.begin(), program.end(), index) != program.end();
    if (!planned || place(i).persistent || place(i).offset != place(0).offset + i * stride)
      return std::nullopt;
  }
  return stride;
}

bool writes(const host::RowGroup& group, std::size_t program, graph::Value value) {
  return std::any_of(
      group.plan.programs[program].begin(), group.plan.programs[program].end(),
      [&](int index) { return group.graph.ops[static_cast<std::size_t>(index)].output == value; });
}

}  // namespace

CudaExecutable::CudaExecutable(Runtime& runtime, Libraries& libraries, LayerCalls& layers,
                               WeightStore& store, std::vector<graph::Graph> graphs,
                               const Weights& weights, std::span<const std::string> shared_inputs,
                               bool profile)
    : runtime_(runtime),
      groups_(make_groups(std::move(graphs))),
      layout_(groups_, shared_inputs),
      token_ids_(groups_),
      profile_(profile),
      ops_(groups_.size()),
      kept_offsets_(groups_.size()) {
  std::size_t workspace = 0;
  for (const host::RowGroup& group : groups_) fused_.emplace_back(group);
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    compile_group(group, {libraries, layers, store, weights});
    for (const Ops& program : ops_[group])
      for (const auto& op : program) workspace = std::max(workspace, op->workspace_bytes());
  }
  allocate(workspace);
  for (std::size_t program = 0; program < transfers_.size(); ++program) {
    transfers_[program] = find_transfers(program);
    if (!profile) continue;
    std::size_t ops = 0;
    for (const auto& programs : ops_) ops += programs[program].size();
    spans_[program].resize(ops);
    for (std::size_t i = 0; i <= ops; ++i) events_[program].push_back(runtime.make_event());
  }
  frame_ports_ = find_frame_ports();
}

void CudaExecutable::compile_group(std::size_t group, const Sources& sources) {
  try {
    compile_ops(group, sources);
  } catch (const base::Error& error) {
    if (error.code() != base::ErrorCode::busy) throw;
    base::fail(base::ErrorCode::busy, error.what(), "; all weights of ", sources.weights.scope,
               " take ", mebibytes(weight_bytes(groups_[group].graph)), " MiB");
  }
}

void CudaExecutable::compile_ops(std::size_t group, const Sources& sources) {
  Ops projections = compile_projections(group, sources);
  for (std::size_t program = 0; program < ops_[group].size(); ++program) {
    for (const int index : groups_[group].plan.programs[program]) {
      const auto place = static_cast<std::size_t>(index);
      std::unique_ptr<CompiledOp> op =
          projections[place] ? std::move(projections[place])
                             : compile_op(context(group, sources, fused_[group].ops[place]));
      kept_offsets_[group][program].push_back(kept_bytes_);
      kept_bytes_ += base::aligned(op->kept_bytes());
      ops_[group][program].push_back(std::move(op));
    }
  }
}

CudaExecutable::Ops CudaExecutable::compile_projections(std::size_t group, const Sources& sources) {
  const graph::Graph& graph = groups_[group].graph;
  Ops compiled(graph.ops.size());
  for (const Projections& projections : find_projections(graph)) {
    const std::optional<std::size_t> stride = stride_of(groups_[group], projections);
    if (!stride) continue;
    std::vector<const graph::Op*> ops;
    for (const std::size_t index : projections.ops) ops.push_back(&graph.ops[index]);
    try {
      const graph::Op& first = *ops.front();
      compiled[projections.ops.front()] =
          cuda::compile_projections(context(group, sources, first), ops, *stride);
      for (std::size_t i = 1; i < ops.size(); ++i)
        compiled[projections.ops[i]] = compile_part_of(first.name);
    } catch (const base::Error& error) {
      if (error.code() != base::ErrorCode::unsupported) throw;  // else each on its own
    }
  }
  return compiled;
}

CompileContext CudaExecutable::context(std::size_t group, const Sources& sources,
                                       const graph::Op& op) const {
  return {runtime_,
          sources.libraries,
          sources.layers,
          sources.store,
          sources.weights,
          groups_[group].graph,
          op};
}

void CudaExecutable::allocate(std::size_t workspace) {
  std::size_t needed = workspace;
  for (const host::RowGroup& group : groups_) needed += group.plan.arena_bytes;
  const auto [free, total] = runtime_.memory();
  base::require(needed <= free, base::ErrorCode::busy, "the card has ", mebibytes(free), " of ",
                mebibytes(total), " MiB free, the activations need ", mebibytes(needed),
                " MiB; about ", 100 * free / std::max<std::size_t>(needed, 1),
                " % of these pixels and rows would fit: take a smaller width and height, fewer "
                "steps or a smaller frame_buffer_size");
  for (const host::RowGroup& group : groups_)
    arenas_.push_back(std::make_unique<DeviceBuffer>(runtime_, group.plan.arena_bytes));
  workspace_ = std::make_unique<DeviceBuffer>(runtime_, workspace);
}

Transfers CudaExecutable::find_transfers(std::size_t program) const {
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

Transfers CudaExecutable::find_frame_ports() const {
  Transfers ports = transfers_[static_cast<std::size_t>(graph::Lifetime::per_frame)];
  const std::vector<std::string> names = frame_inputs();
  std::erase_if(ports.inputs, [&](const auto* port) {
    return std::ranges::find(names, port->name) == names.end();
  });
  return ports;
}

std::unique_ptr<State> CudaExecutable::make_state() const {
  return std::make_unique<CudaState>(runtime_, layout_, frame_ports_, groups_, arenas_,
                                     kept_bytes_);
}

void CudaExecutable::run(graph::Lifetime program, State& state, Pause*) {
  launch(program, state, true);
}

void CudaExecutable::submit(graph::Lifetime program, State& state, Pause*) {
  launch(program, state, false);
}

void CudaExecutable::launch(graph::Lifetime lifetime, State& state, bool wait) {
  auto* cuda_state = dynamic_cast<CudaState*>(&state);
  base::require(cuda_state != nullptr && cuda_state->belongs_to(layout_), base::ErrorCode::internal,
                "a state of another executable");
  const auto program = static_cast<std::size_t>(lifetime);
  const std::lock_guard lock(mutex_);
  token_ids_.check(program, state);
  const StreamLock stream(runtime_);
  launch(program, *cuda_state, wait);
}

void CudaExecutable::launch(std::size_t program, CudaState& state, bool wait) {
  const double start = profile_ ? base::seconds_of(base::Clock::now()) : 0;
  CudaState::Program& memory = state.programs[program];
  const bool timed = profile_ && memory.runs < kProfiledRuns;
  const bool is_frame = program == static_cast<std::size_t>(graph::Lifetime::per_frame);
  if (is_frame) state.copy_frame_inputs();
  std::unique_ptr<CapturedGraph> once;
  if (memory.runs == 0) {
    queue(program, state, timed);
  } else if (timed) {
    once = capture(runtime_, [&] { queue(program, state, true); });
    once->launch();
  } else {
    if (!memory.captured)
      memory.captured = capture(runtime_, [&] { queue(program, state, false); });
    memory.captured->launch();
  }
  ++memory.runs;
  if (is_frame) state.copy_frame_outputs();
  if (wait || timed) runtime_.synchronize();
  if (timed) read_times(program, start);
}

void CudaExecutable::queue(std::size_t program, CudaState& state, bool timed) {
  for (const auto* port : transfers_[program].inputs) state.upload(*port);
  std::size_t event = 0;
  if (timed) events_[program][event++]->record();
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    for (std::size_t i = 0; i < ops_[group][program].size(); ++i) {
      launch_op(group, program, i, state);
      if (timed) events_[program][event++]->record();
    }
  }
  for (const auto* port : transfers_[program].outputs) state.download(*port);
}

void CudaExecutable::read_times(std::size_t program, double start) {
  const auto& events = events_[program];
  for (std::size_t i = 0; i < spans_[program].size(); ++i) {
    spans_[program][i] = {0, start + events[i]->seconds_since(*events[0]),
                          start + events[i + 1]->seconds_since(*events[0])};
  }
}

void CudaExecutable::launch_op(std::size_t group, std::size_t program, std::size_t position,
                               const CudaState& state) const {
  const graph::Graph& graph = groups_[group].graph;
  const auto index = static_cast<std::size_t>(groups_[group].plan.programs[program][position]);
  const graph::Op& op = fused_[group].ops[index];
  const auto view = [&](graph::Value value) {
    return tensor::View{state.values(group)[static_cast<std::size_t>(value.id)], graph.desc(value)};
  };
  Operands operands{.inputs = {}, .output = view(op.output), .workspace = workspace_->data()};
  operands.kept = state.kept() + kept_offsets_[group][program][position];
  if (const auto& row_bias = fused_[group].row_biases[index])
    operands.row_bias = view(*row_bias).as<const float>();
  for (std::size_t i = 0; i < op.inputs.size(); ++i) operands.inputs[i] = view(op.inputs[i]);
  ops_[group][program][position]->launch(operands);
}

std::vector<OpReport> CudaExecutable::report() const {
  const std::lock_guard lock(mutex_);
  std::vector<OpReport> reports;
  std::array<std::size_t, graph::kLifetimes> next{};
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
        if (profile_) {
          report.spans = {spans_[program][next[program]++]};
          report.seconds = report.spans[0].end - report.spans[0].begin;
        }
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
