// Runs a plan op by op, lane after lane, on the calling thread.
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <vector>

#include "backend/backend.h"
#include "backend/host_state.h"
#include "backend/ref/weight_store.h"
#include "graph/quantize.h"

namespace streamdiffusion::backend::ref {

class RefExecutable final : public Executable {
 public:
  RefExecutable(std::vector<graph::Graph> lanes, const Weights& weights,
                std::span<const std::string> shared_inputs, WeightStore& store,
                const DeviceOptions& options);

  std::unique_ptr<State> make_state() const override;
  void run(graph::Lifetime program, State& state) override;
  std::vector<OpReport> report() const override;
  std::size_t lanes() const override { return lanes_.size(); }
  std::size_t arena_bytes() const override;
  std::size_t state_bytes() const override { return layout_.bytes(); }

 private:
  struct Step {
    /// Index into the lane's ops.
    int op = 0;
    std::vector<Values> weights;
    /// Of an op in 8 bits.
    std::optional<graph::QuantParams> bytes;
    double seconds = 0;
    std::vector<WorkerSpan> spans;
    Observation input;
  };
  using Programs = std::array<std::vector<Step>, graph::kLifetimes>;

  Step make_step(const graph::Graph& graph, int index, const Weights& weights, WeightStore& store);
  void run(const graph::Graph& graph, Step& step, void* const* values) const;

  std::vector<Lane> lanes_;
  StateLayout layout_;
  /// One a lane.
  std::vector<Programs> programs_;
  /// Room for the f32 inputs and output of one op, and for its sums.
  tensor::Buffer values_, sums_;
  const bool profile_, observe_;
  mutable std::mutex mutex_;
};

}  // namespace streamdiffusion::backend::ref
