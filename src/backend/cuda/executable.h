// Graphs compiled for a card. The first run of a program on a stream launches its kernels one by
// one, so that CUDA loads them; the second records them as a CUDA graph, which all later runs
// replay. With DeviceOptions::profile the second run replays a graph that also notes the time after
// every op, and the third records the plain one: the times of later frames are those without a
// profile.
#pragma once

#include <array>
#include <mutex>
#include <vector>

#include "backend/cuda/ops/compiled_op.h"
#include "backend/cuda/row_bias_fusion.h"
#include "backend/cuda/state.h"
#include "backend/host/hoisted_rows.h"
#include "backend/host/token_ids.h"

namespace streamdiffusion::backend::cuda {

class CudaExecutable final : public Executable {
 public:
  CudaExecutable(Runtime& runtime, Libraries& libraries, LayerCalls& layers, WeightStore& store,
                 std::vector<graph::Graph> graphs, const Weights& weights,
                 std::span<const std::string> shared_inputs, bool profile);

  std::unique_ptr<State> make_state() const override;
  /// Throws internal for a state of another executable, invalid_argument for a token id outside the
  /// vocabulary. Returns when the outputs are in host memory.
  /// Never pauses: a recorded program cannot be left in the middle, and takes milliseconds.
  void run(graph::Lifetime program, State& state, Pause* pause = nullptr) override;
  /// Waits where ops are timed.
  void submit(graph::Lifetime program, State& state, Pause* pause = nullptr) override;
  std::vector<OpReport> report() const override;
  std::vector<std::vector<Extent>> hoisted_rows(graph::Lifetime lifetime) const override {
    return host::hoisted_rows(groups_, layout_, lifetime);
  }
  std::vector<std::string> frame_inputs() const override {
    return host::frame_inputs(groups_.front().graph);
  }
  std::size_t row_groups() const override { return groups_.size(); }
  std::size_t arena_bytes() const override;
  std::size_t state_bytes() const override { return layout_.bytes() + kept_bytes_; }

 private:
  using Ops = std::vector<std::unique_ptr<CompiledOp>>;

  /// What the ops are compiled with.
  struct Sources {
    Libraries& libraries;
    LayerCalls& layers;
    WeightStore& store;
    const Weights& weights;
  };

  void compile_group(std::size_t group, const Sources& sources);
  void compile_ops(std::size_t group, const Sources& sources);
  /// Projections as one call, if the plan put their outputs side by side and the library has such a
  /// call. By op of the graph: what was compiled for it, else null.
  Ops compile_projections(std::size_t group, const Sources& sources);
  CompileContext context(std::size_t group, const Sources& sources, const graph::Op& op) const;
  Transfers find_transfers(std::size_t program) const;
  Transfers find_frame_ports() const;
  void allocate(std::size_t workspace);
  void launch(std::size_t program, CudaState& state, bool wait);
  void launch(graph::Lifetime program, State& state, bool wait);
  /// Queues a program's work; `timed`: with an event before and after every op.
  void queue(std::size_t program, CudaState& state, bool timed);
  void read_times(std::size_t program, double start);
  void launch_op(std::size_t group, std::size_t program, std::size_t position,
                 const CudaState& state) const;

  Runtime& runtime_;
  std::vector<host::RowGroup> groups_;
  /// By row group: the ops as they are launched.
  std::vector<RowBiasFusion> fused_;
  host::StateLayout layout_;
  const host::TokenIds token_ids_;
  const bool profile_;
  /// By row group, program and position.
  std::vector<std::array<Ops, graph::kLifetimes>> ops_;
  /// As ops_: where that lies which an op keeps for a stream, in bytes from the start of all of it.
  std::vector<std::array<std::vector<std::size_t>, graph::kLifetimes>> kept_offsets_;
  std::size_t kept_bytes_ = 0;
  std::array<Transfers, graph::kLifetimes> transfers_;
  /// Of the frame program's, what changes with every frame.
  Transfers frame_ports_;
  /// By row group.
  std::vector<std::unique_ptr<DeviceBuffer>> arenas_;
  /// Of one op at a time.
  std::unique_ptr<DeviceBuffer> workspace_;
  /// By program, with profile: one more than it has ops in all row groups.
  std::array<std::vector<std::unique_ptr<Event>>, graph::kLifetimes> events_;
  /// By program, with profile: when each op ran, in all row groups in order.
  std::array<std::vector<WorkerSpan>, graph::kLifetimes> spans_;
  mutable std::mutex mutex_;
};

}  // namespace streamdiffusion::backend::cuda
