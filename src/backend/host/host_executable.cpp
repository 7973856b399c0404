#include "backend/host/host_executable.h"

#include <utility>

#include "backend/host/activation_stats.h"
#include "base/align.h"
#include "base/error.h"
#include "graph/quantize.h"

namespace streamdiffusion::backend::host {

HostExecutable::HostExecutable(std::vector<graph::Graph> graphs,
                               std::span<const std::string> shared_inputs,
                               const DeviceOptions& options)
    : groups_(make_row_groups(std::move(graphs))),
      arenas_(make_arenas(groups_)),
      layout_(groups_, shared_inputs),
      token_ids_(groups_),
      records_(groups_.size()),
      profile_(options.profile),
      collect_activation_stats_(options.collect_activation_stats) {
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    for (std::size_t program = 0; program < records_[group].size(); ++program)
      records_[group][program].resize(ops(group, program).size());
  }
}

std::unique_ptr<State> HostExecutable::make_state() const {
  return std::make_unique<HostState>(layout_, groups_, arenas_, kept_bytes_);
}

void HostExecutable::keep(const OpIndex& at, std::size_t bytes) {
  record(at).kept_offset = kept_bytes_;
  kept_bytes_ += base::aligned(bytes);
}

void HostExecutable::run(graph::Lifetime program, State& state, Pause* pause) {
  const auto* host_state = dynamic_cast<const HostState*>(&state);
  base::require(host_state != nullptr && host_state->belongs_to(layout_), base::ErrorCode::internal,
                "a state of another executable");
  const std::lock_guard lock(mutex_);
  token_ids_.check(static_cast<std::size_t>(program), state);
  run_program(static_cast<std::size_t>(program), *host_state, pause);
}

void HostExecutable::add_input_values(const OpIndex& at, const HostState& state) {
  if (!graph::can_quantize(op(at))) return;
  const graph::Value x = op(at).inputs[0];
  add_values(record(at).input_stats, {state.values(at.group)[static_cast<std::size_t>(x.id)],
                                      groups_[at.group].graph.desc(x)});
}

std::vector<OpReport> HostExecutable::report() const {
  const std::lock_guard lock(mutex_);
  std::vector<OpReport> reports;
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    const graph::Graph& graph = groups_[group].graph;
    for (std::size_t program = 0; program < records_[group].size(); ++program) {
      for (std::size_t i = 0; i < records_[group][program].size(); ++i) {
        const graph::Op& op = this->op({group, program, i});
        const OpRecord& record = records_[group][program][i];
        reports.push_back({op.name, op.kind(), op.stage, record.implementation,
                           static_cast<graph::Lifetime>(program), graph.flops(op), graph.bytes(op),
                           record.seconds, record.spans, record.input_stats});
      }
    }
  }
  return reports;
}

std::size_t HostExecutable::arena_bytes() const {
  std::size_t bytes = scratch_bytes();
  for (const tensor::Buffer& arena : arenas_) bytes += arena.size();
  return bytes;
}

}  // namespace streamdiffusion::backend::host
