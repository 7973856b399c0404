#include "backend/cpu/executable.h"

#include <algorithm>
#include <dnnl.hpp>
#include <functional>
#include <numeric>

#include "backend/cpu/make_kernels.h"
#include "backend/cpu/onednn/primitive.h"
#include "base/clock.h"
#include "base/error.h"

namespace streamdiffusion::backend::cpu {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

/// Each thread that ever runs primitives has one stream of its own.
dnnl_stream_t thread_stream() {
  thread_local const dnnl::stream stream(dnnl_engine());
  return stream.get();
}

}  // namespace

CpuExecutable::CpuExecutable(std::shared_ptr<base::ThreadTeam> team,
                             std::shared_ptr<WeightCache> cache, std::vector<graph::Graph> graphs,
                             const Weights& weights, std::span<const std::string> shared_inputs,
                             const DeviceOptions& options)
    : HostExecutable(std::move(graphs), shared_inputs, options),
      team_(std::move(team)),
      cache_(std::move(cache)),
      job_([this](int thread) { work(thread); }) {
  assign_threads();
  for (std::size_t group = 0; group < row_groups(); ++group) compile_group(group, weights);
}

/// With more threads than row groups, each row group gets an equal share of them. With more row
/// groups than threads, a thread runs several.
void CpuExecutable::assign_threads() {
  const auto threads = static_cast<std::size_t>(team_->size());
  const std::size_t groups = row_groups();
  assignments_.resize(threads);
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t first = group * threads / groups;
    if (groups >= threads) {
      workers_.emplace_back(1);
      assignments_[first].push_back({group, 0, static_cast<int>(first)});
      continue;
    }
    const std::size_t last = (group + 1) * threads / groups;
    workers_.emplace_back(static_cast<int>(last - first));
    for (std::size_t t = first; t < last; ++t)
      assignments_[t].push_back({group, static_cast<int>(t - first), static_cast<int>(t)});
  }
}

void CpuExecutable::compile_group(std::size_t index, const Weights& weights) {
  GroupWorkers& workers = workers_[index];
  std::size_t shared = 0, scratch = 0;
  for (std::size_t program = 0; program < workers.programs.size(); ++program) {
    std::vector<std::unique_ptr<Kernel>> kernels(ops(index, program).size());
    const std::vector<std::size_t> order = by_weights(index, program);
    make_kernels(order.size(), team_->size(), [&](std::size_t i, Staging& staging) {
      kernels[order[i]] = compile_op({index, program, order[i]}, weights, staging);
    });
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      const host::OpIndex at{index, program, i};
      std::unique_ptr<Kernel>& kernel = kernels[i];
      shared = std::max(shared, kernel->shared_bytes());
      scratch = std::max(scratch, kernel->scratch_bytes());
      record(at).implementation = kernel->implementation();
      keep(at, kernel->kept_bytes());
      record(at).spans.resize(static_cast<std::size_t>(workers.count));
    }
    workers.programs[program] = std::move(kernels);
  }
  workers.shared = tensor::Buffer(shared);
  for (int w = 0; w < workers.count; ++w) workers.scratch.emplace_back(scratch);
}

std::vector<std::size_t> CpuExecutable::by_weights(std::size_t group_index,
                                                   std::size_t program) const {
  std::vector<std::size_t> order(ops(group_index, program).size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto bytes = [&](std::size_t i) {
    return group(group_index).graph.weight_bytes(op({group_index, program, i}));
  };
  std::ranges::stable_sort(order, std::greater{}, bytes);
  return order;
}

std::unique_ptr<Kernel> CpuExecutable::compile_op(const host::OpIndex& at, const Weights& weights,
                                                  Staging& staging) const {
  const host::RowGroup& rows = group(at.group);
  const KernelContext context{
      rows.graph,   rows.plan, op(at), weights, *cache_, staging, workers_[at.group].count,
      team_->size()};
  try {
    return std::visit([&](const auto& kind) { return make_kernel(kind, context); },
                      op(at).attributes);
  } catch (const dnnl::error& error) {
    base::fail(base::ErrorCode::unsupported, op(at).kind(), " \"", op(at).name, "\" ",
               tensor::to_string(context.output().shape), ": oneDNN says \"", error.message, "\"");
  }
}

void CpuExecutable::run_program(std::size_t program, const host::HostState& state, Pause* pause) {
  program_ = program;
  state_ = &state;
  pause_ = pause;
  // Relaxed is enough: run() starts and joins the team, which orders all three accesses.
  failure_.store(0, std::memory_order_relaxed);
  for (GroupWorkers& workers : workers_) workers.next = 0;
  while (true) {
    for (GroupWorkers& workers : workers_) workers.end.store(workers.next, kRelaxed);
    team_->run(job_);
    for (GroupWorkers& workers : workers_) workers.next = workers.end.load(kRelaxed);
    const int status = failure_.load(std::memory_order_relaxed);
    base::require(status == 0, base::ErrorCode::internal,
                  "oneDNN failed to run a primitive, status ", status);
    if (std::ranges::all_of(workers_, [&](const auto& workers) { return finished(workers); })) {
      return;
    }
    pause->pause();
  }
}

void CpuExecutable::work(int thread) {
  for (const Assignment& assignment : assignments_[static_cast<std::size_t>(thread)]) {
    GroupWorkers& workers = workers_[assignment.group];
    if (finished(workers)) continue;
    const auto index = static_cast<std::size_t>(assignment.worker);
    const Worker worker{assignment.worker,
                        state_->values(assignment.group),
                        workers.scratch[index].data(),
                        workers.shared.data(),
                        nullptr,
                        thread_stream(),
                        &failure_};
    if (!run_group(assignment, worker)) return;
  }
}

// All workers of a group must pause at the same op. So its first worker decides, before the barrier
// that ends an op, and the others read the decision behind that barrier.
bool CpuExecutable::run_group(const Assignment& assignment, Worker worker) {
  GroupWorkers& workers = workers_[assignment.group];
  const auto& kernels = workers.programs[program_];
  if (assignment.worker == 0) workers.end.store(kernels.size(), kRelaxed);
  const auto began = base::Clock::now();
  for (std::size_t i = workers.next; i < kernels.size(); ++i) {
    const host::OpIndex at{assignment.group, program_, i};
    const auto start = profile() ? base::Clock::now() : base::Clock::time_point{};
    auto done = start;
    worker.kept = kept(at, *state_);
    if (assignment.worker == 0) collect_input_stats(at, *state_);
    for (int stage = 0; stage < kernels[i]->stages(); ++stage) {
      kernels[i]->run(stage, worker);
      if (profile()) done = base::Clock::now();
      if (assignment.worker == 0 && stage + 1 == kernels[i]->stages() && should_pause(began)) {
        workers.end.store(i + 1, kRelaxed);
      }
      workers.barrier.wait();
    }
    if (profile()) {
      host::OpRecord& op = record(at);
      op.spans[static_cast<std::size_t>(assignment.worker)] = {
          assignment.thread, base::seconds_of(start), base::seconds_of(done)};
      if (assignment.worker == 0) op.seconds = base::seconds_since(start);
    }
    if (workers.end.load(kRelaxed) == i + 1) break;
  }
  return workers.end.load(kRelaxed) == kernels.size();
}

std::size_t CpuExecutable::scratch_bytes() const {
  std::size_t total = 0;
  for (const GroupWorkers& workers : workers_) {
    total += workers.shared.size();
    for (const tensor::Buffer& scratch : workers.scratch) total += scratch.size();
  }
  return total;
}

}  // namespace streamdiffusion::backend::cpu
