// Runs the ops one after another, row group after row group, on the calling thread.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "backend/host/host_executable.h"
#include "backend/ref/weight_store.h"
#include "graph/quantize.h"

namespace streamdiffusion::backend::ref {

class RefExecutable final : public host::HostExecutable {
 public:
  RefExecutable(std::vector<graph::Graph> graphs, const Weights& weights,
                std::span<const std::string> shared_inputs, WeightStore& store,
                const DeviceOptions& options);

 private:
  struct CompiledOp {
    std::vector<Values> weights;
    /// Of the first input of an int8 op.
    std::optional<graph::QuantParams> input_params;
  };
  using Programs = std::array<std::vector<CompiledOp>, graph::kLifetimes>;

  void run_program(std::size_t program, const host::HostState& state, Pause* pause) override;

  CompiledOp compile_op(const host::OpIndex& at, const Weights& weights, WeightStore& store) const;
  void run_op(const host::OpIndex& at, const CompiledOp& compiled,
              const host::HostState& state) const;

  /// By row group.
  std::vector<Programs> programs_;
  /// Memory for the f32 inputs and output of one op, and for its sums.
  tensor::Buffer values_, sums_;
};

}  // namespace streamdiffusion::backend::ref
