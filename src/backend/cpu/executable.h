// Compiled lanes on the workers of a thread team.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "backend/cpu/kernel.h"
#include "backend/cpu/weight_cache.h"
#include "backend/host_state.h"
#include "base/thread_team.h"

namespace streamdiffusion::backend::cpu {

class CpuExecutable final : public Executable {
 public:
  /// The caller must have set one OpenMP thread (onednn/one_openmp_thread.h).
  CpuExecutable(std::shared_ptr<base::ThreadTeam> team, std::shared_ptr<WeightCache> cache,
                std::vector<graph::Graph> lanes, const Weights& weights,
                std::span<const std::string> shared_inputs, const DeviceOptions& options);

  std::unique_ptr<State> make_state() const override;
  void run(graph::Lifetime program, State& state) override;
  std::vector<OpReport> report() const override;
  std::size_t lanes() const override { return lanes_.size(); }
  std::size_t arena_bytes() const override;
  std::size_t state_bytes() const override { return layout_.bytes(); }

 private:
  struct CompiledOp {
    int op = 0;
    std::unique_ptr<Kernel> kernel;
    double seconds = 0;
    /// By worker.
    std::vector<WorkerSpan> spans;
    Observation input;
  };

  /// The workers of one lane: its kernels, their barrier and their memory.
  struct LaneWorkers {
    explicit LaneWorkers(int count) : workers(count), barrier(count) {}
    int workers;
    base::Barrier barrier;
    std::array<std::vector<CompiledOp>, graph::kLifetimes> programs;
    tensor::Buffer shared;
    /// By worker.
    std::vector<tensor::Buffer> scratch;
  };

  /// A thread is worker `worker` of a lane.
  struct Assignment {
    std::size_t lane = 0;
    int worker = 0, thread = 0;
  };

  void assign_workers();
  void compile_lane(std::size_t lane, const Weights& weights);
  void work(int thread);
  void run_lane(const Assignment& assignment, Worker worker);
  void observe_input(std::size_t lane, CompiledOp& compiled) const;

  std::shared_ptr<base::ThreadTeam> team_;
  std::shared_ptr<WeightCache> cache_;
  std::vector<Lane> lanes_;
  StateLayout layout_;
  /// By lane.
  std::deque<LaneWorkers> lane_workers_;
  /// By thread.
  std::vector<std::vector<Assignment>> assignments_;
  bool profile_, observe_;

  std::mutex run_mutex_;
  const std::function<void(int)> job_;
  std::size_t program_ = 0;
  const HostState* state_ = nullptr;
  std::atomic<int> failure_{0};
};

}  // namespace streamdiffusion::backend::cpu
