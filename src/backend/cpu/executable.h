// Runs the row groups of a batch side by side, each on its share of a thread team.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "backend/cpu/kernel.h"
#include "backend/cpu/weight_cache.h"
#include "backend/host/host_executable.h"
#include "base/clock.h"
#include "base/thread_team.h"

namespace streamdiffusion::backend::cpu {

class CpuExecutable final : public host::HostExecutable {
 public:
  CpuExecutable(std::shared_ptr<base::ThreadTeam> team, std::shared_ptr<WeightCache> cache,
                std::vector<graph::Graph> graphs, const Weights& weights,
                std::span<const std::string> shared_inputs, const DeviceOptions& options);

 private:
  /// The threads of one row group, their kernels and their memory.
  struct GroupWorkers {
    explicit GroupWorkers(int workers) : count(workers), barrier(workers) {}
    int count;
    base::Barrier barrier;
    std::array<std::vector<std::unique_ptr<Kernel>>, graph::kLifetimes> programs;
    tensor::Buffer shared;
    /// By worker.
    std::vector<tensor::Buffer> scratch;
    /// The first op of the program that has not run. Written between two jobs of the team.
    std::size_t next = 0;
    /// Where the job in progress ends for this group. Its first worker writes it before the barrier
    /// that ends an op, and the others read it behind that, which orders the two. They may read as
    /// the first worker already writes for the op after it, which is why it is atomic.
    std::atomic<std::size_t> end = 0;
  };

  /// A row group that a thread works on, and its index among that group's workers.
  struct Assignment {
    std::size_t group = 0;
    int worker = 0, thread = 0;
  };

  void run_program(std::size_t program, const host::HostState& state, Pause* pause) override;
  std::size_t scratch_bytes() const override;

  void assign_threads();
  void compile_group(std::size_t index, const Weights& weights);
  /// A program's ops, those with the largest weights first: threads end together, and the last ones
  /// read little while most of the packed weights are there.
  std::vector<std::size_t> by_weights(std::size_t group_index, std::size_t program) const;
  std::unique_ptr<Kernel> compile_op(const host::OpIndex& at, const Weights& weights,
                                     Staging& staging) const;
  void work(int thread);
  /// Runs a group's ops. Returns false if it paused before the last.
  bool run_group(const Assignment& assignment, Worker worker);
  bool finished(const GroupWorkers& workers) const {
    return workers.next >= workers.programs[program_].size();
  }
  /// Whether the part that began then should end here.
  bool should_pause(base::Clock::time_point began) const {
    return pause_ != nullptr && base::seconds_since(began) > pause_->after() && pause_->wanted();
  }

  std::shared_ptr<base::ThreadTeam> team_;
  std::shared_ptr<WeightCache> cache_;
  /// By row group.
  std::deque<GroupWorkers> workers_;
  /// By thread.
  std::vector<std::vector<Assignment>> assignments_;

  const std::function<void(int)> job_;
  // Of the run in progress:
  std::size_t program_ = 0;
  const host::HostState* state_ = nullptr;
  Pause* pause_ = nullptr;
  std::atomic<int> failure_{0};
};

}  // namespace streamdiffusion::backend::cpu
