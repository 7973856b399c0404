// What the executables of all host devices share: row groups with their memory plans, the layout
// of a stream's state, and what is recorded of each op. A device adds how its ops run.
#pragma once

#include <array>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/host/hoisted_rows.h"
#include "backend/host/host_state.h"
#include "backend/host/token_ids.h"

namespace streamdiffusion::backend::host {

/// The position of an op: which of a program's ops, in which row group.
struct OpIndex {
  std::size_t group = 0, program = 0, position = 0;
};

/// What is recorded of one op.
struct OpRecord {
  /// As OpReport::implementation.
  std::string implementation;
  /// Of the last run, with DeviceOptions::profile.
  double seconds = 0;
  /// By worker.
  std::vector<WorkerSpan> spans;
  /// With DeviceOptions::collect_activation_stats.
  ActivationStats input_stats;
  /// Where that lies which the op keeps for a stream, in bytes from the start of all of it.
  std::size_t kept_offset = 0;
};

class HostExecutable : public Executable {
 public:
  std::unique_ptr<State> make_state() const final;
  /// Throws internal for a state of another executable, invalid_argument for a bad token id.
  void run(graph::Lifetime program, State& state, Pause* pause) final;
  std::vector<OpReport> report() const final;
  std::vector<std::vector<Extent>> hoisted_rows(graph::Lifetime lifetime) const final {
    return host::hoisted_rows(groups_, layout_, lifetime);
  }
  std::vector<std::string> frame_inputs() const final {
    return host::frame_inputs(groups_.front().graph);
  }
  std::size_t row_groups() const final { return groups_.size(); }
  std::size_t arena_bytes() const final;
  std::size_t state_bytes() const final { return layout_.bytes() + kept_bytes_; }

 protected:
  HostExecutable(std::vector<graph::Graph> graphs, std::span<const std::string> shared_inputs,
                 const DeviceOptions& options);

  /// Runs one program of every row group. One call at a time.
  virtual void run_program(std::size_t program, const HostState& state, Pause* pause) = 0;
  /// Bytes of activations outside the arenas.
  virtual std::size_t scratch_bytes() const { return 0; }

  const RowGroup& group(std::size_t index) const { return groups_[index]; }
  const std::vector<int>& ops(std::size_t group, std::size_t program) const {
    return groups_[group].plan.programs[program];
  }
  const graph::Op& op(const OpIndex& at) const {
    const int index = ops(at.group, at.program)[at.position];
    return groups_[at.group].graph.ops[static_cast<std::size_t>(index)];
  }
  OpRecord& record(const OpIndex& at) { return records_[at.group][at.program][at.position]; }
  /// While it is compiled: the op keeps as many bytes from call to call, for each stream.
  void keep(const OpIndex& at, std::size_t bytes);
  std::byte* kept(const OpIndex& at, const HostState& state) const {
    return state.kept() + records_[at.group][at.program][at.position].kept_offset;
  }
  /// Whether the time of every op is taken.
  bool profile() const { return profile_; }
  /// Adds the op's first input to its record, if statistics are collected and the op has an int8
  /// form.
  void collect_input_stats(const OpIndex& at, const HostState& state) {
    if (collect_activation_stats_) add_input_values(at, state);
  }

 private:
  void add_input_values(const OpIndex& at, const HostState& state);

  std::vector<RowGroup> groups_;
  /// By row group.
  std::vector<tensor::Buffer> arenas_;
  StateLayout layout_;
  const TokenIds token_ids_;
  /// By row group, program and position.
  std::vector<std::array<std::vector<OpRecord>, graph::kLifetimes>> records_;
  std::size_t kept_bytes_ = 0;
  const bool profile_, collect_activation_stats_;
  mutable std::mutex mutex_;
};

}  // namespace streamdiffusion::backend::host
