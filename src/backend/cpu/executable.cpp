#include "backend/cpu/executable.h"

#include <algorithm>
#include <dnnl.hpp>

#include "backend/cpu/onednn/primitive.h"
#include "backend/observe.h"
#include "base/clock.h"
#include "base/error.h"
#include "graph/quantize.h"

namespace streamdiffusion::backend::cpu {
namespace {

std::vector<Lane> make_lanes(std::vector<graph::Graph> graphs) {
  base::require(!graphs.empty(), base::ErrorCode::internal, "compile: no lanes");
  std::vector<Lane> lanes;
  lanes.reserve(graphs.size());
  for (graph::Graph& graph : graphs) lanes.emplace_back(std::move(graph));
  return lanes;
}

/// Each thread that ever runs primitives has one stream of its own.
dnnl_stream_t thread_stream() {
  thread_local const dnnl::stream stream(dnnl_engine());
  return stream.get();
}

}  // namespace

CpuExecutable::CpuExecutable(std::shared_ptr<base::ThreadTeam> team,
                             std::shared_ptr<WeightCache> cache, std::vector<graph::Graph> lanes,
                             const Weights& weights, std::span<const std::string> shared_inputs,
                             const DeviceOptions& options)
    : team_(std::move(team)),
      cache_(std::move(cache)),
      lanes_(make_lanes(std::move(lanes))),
      layout_(lanes_, shared_inputs),
      profile_(options.profile),
      observe_(options.observe),
      job_([this](int thread) { work(thread); }) {
  assign_workers();
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) compile_lane(lane, weights);
}

/// With more threads than lanes, each lane gets an equal share of them. Otherwise a thread runs
/// several lanes, one after the other.
void CpuExecutable::assign_workers() {
  const auto threads = static_cast<std::size_t>(team_->size());
  assignments_.resize(threads);
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    if (lanes_.size() >= threads) {
      lane_workers_.emplace_back(1);
      assignments_[lane * threads / lanes_.size()].push_back(
          {lane, 0, static_cast<int>(lane * threads / lanes_.size())});
      continue;
    }
    const std::size_t first = lane * threads / lanes_.size(),
                      last = (lane + 1) * threads / lanes_.size();
    lane_workers_.emplace_back(static_cast<int>(last - first));
    for (std::size_t t = first; t < last; ++t)
      assignments_[t].push_back({lane, static_cast<int>(t - first), static_cast<int>(t)});
  }
}

void CpuExecutable::compile_lane(std::size_t index, const Weights& weights) {
  const Lane& lane = lanes_[index];
  LaneWorkers& group = lane_workers_[index];
  std::size_t shared = 0, scratch = 0;
  for (std::size_t program = 0; program < lane.plan.programs.size(); ++program) {
    for (const int i : lane.plan.programs[program]) {
      const graph::Op& op = lane.graph.ops[static_cast<std::size_t>(i)];
      const KernelContext context{lane.graph, lane.plan, op, weights, *cache_, group.workers};
      try {
        auto kernel =
            std::visit([&](const auto& kind) { return make_kernel(kind, context); }, op.attributes);
        shared = std::max(shared, kernel->shared_bytes());
        scratch = std::max(scratch, kernel->scratch_bytes());
        group.programs[program].push_back(
            {i,
             std::move(kernel),
             0,
             std::vector<WorkerSpan>(static_cast<std::size_t>(group.workers)),
             {}});
      } catch (const dnnl::error& error) {
        base::fail(base::ErrorCode::unsupported, op.kind(), " \"", op.name, "\" ",
                   tensor::to_string(lane.graph.desc(op.output).shape), ": oneDNN says \"",
                   error.message, "\"");
      }
    }
  }
  group.shared = tensor::Buffer(shared);
  for (int w = 0; w < group.workers; ++w) group.scratch.emplace_back(scratch);
}

std::unique_ptr<State> CpuExecutable::make_state() const {
  return std::make_unique<HostState>(layout_, lanes_);
}

void CpuExecutable::run(graph::Lifetime program, State& state) {
  const std::lock_guard lock(run_mutex_);
  program_ = static_cast<std::size_t>(program);
  state_ = static_cast<const HostState*>(&state);
  // Relaxed is enough: run() starts and joins the team, which orders all three accesses.
  failure_.store(0, std::memory_order_relaxed);
  team_->run(job_);
  const int status = failure_.load(std::memory_order_relaxed);
  base::require(status == 0, base::ErrorCode::internal, "oneDNN failed to run a primitive, status ",
                status);
}

void CpuExecutable::work(int thread) {
  for (const Assignment& assignment : assignments_[static_cast<std::size_t>(thread)]) {
    LaneWorkers& group = lane_workers_[assignment.lane];
    run_lane(assignment, {assignment.worker, state_->values(assignment.lane),
                          group.scratch[static_cast<std::size_t>(assignment.worker)].data(),
                          group.shared.data(), thread_stream(), &failure_});
  }
}

void CpuExecutable::run_lane(const Assignment& assignment, Worker worker) {
  LaneWorkers& group = lane_workers_[assignment.lane];
  for (CompiledOp& compiled : group.programs[program_]) {
    const auto start = profile_ ? base::Clock::now() : base::Clock::time_point{};
    auto done = start;
    if (observe_ && assignment.worker == 0) observe_input(assignment.lane, compiled);
    for (int stage = 0; stage < compiled.kernel->stages(); ++stage) {
      compiled.kernel->run(stage, worker);
      if (profile_) done = base::Clock::now();
      group.barrier.wait();
    }
    if (!profile_) continue;
    compiled.spans[static_cast<std::size_t>(assignment.worker)] = {
        assignment.thread, base::seconds_of(start), base::seconds_of(done)};
    if (assignment.worker == 0) compiled.seconds = base::seconds_since(start);
  }
}

void CpuExecutable::observe_input(std::size_t index, CompiledOp& compiled) const {
  const graph::Graph& graph = lanes_[index].graph;
  const graph::Op& op = graph.ops[static_cast<std::size_t>(compiled.op)];
  if (!graph::can_quantize(op)) return;
  const graph::Value x = op.inputs[0];
  observe({state_->values(index)[static_cast<std::size_t>(x.id)], graph.desc(x)}, compiled.input);
}

std::vector<OpReport> CpuExecutable::report() const {
  std::vector<OpReport> reports;
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    for (std::size_t program = 0; program < lane_workers_[lane].programs.size(); ++program) {
      for (const CompiledOp& compiled : lane_workers_[lane].programs[program]) {
        const graph::Op& op = lanes_[lane].graph.ops[static_cast<std::size_t>(compiled.op)];
        reports.push_back({op.name, op.kind(), op.stage, compiled.kernel->implementation(),
                           static_cast<graph::Lifetime>(program), lanes_[lane].graph.flops(op),
                           lanes_[lane].graph.bytes(op), compiled.seconds, compiled.spans,
                           compiled.input});
      }
    }
  }
  return reports;
}

std::size_t CpuExecutable::arena_bytes() const {
  std::size_t total = 0;
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    total += lanes_[lane].arena.size() + lane_workers_[lane].shared.size();
    for (const tensor::Buffer& scratch : lane_workers_[lane].scratch) total += scratch.size();
  }
  return total;
}

}  // namespace streamdiffusion::backend::cpu
