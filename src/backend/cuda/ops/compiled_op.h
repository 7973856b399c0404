// One op, ready to be launched: its weights are on the card and its library calls are planned.
#pragma once

#include <array>

#include "backend/cuda/layer_calls.h"
#include "backend/cuda/weight_store.h"
#include "graph/graph.h"

namespace streamdiffusion::backend::cuda {

/// Of one launch, in the card's memory.
struct Operands {
  static constexpr std::size_t kMaxInputs = 4;
  std::array<tensor::View, kMaxInputs> inputs;
  /// What a group norm adds to its input, or null (row_bias_fusion.h).
  const float* row_bias = nullptr;
  tensor::View output;
  std::byte* workspace = nullptr;
  /// What the op keeps for the stream, kept_bytes(). Not cleared at first.
  std::byte* kept = nullptr;
};

class CompiledOp {
 public:
  virtual ~CompiledOp() = default;
  /// Queues the op's work. Neither allocates nor waits.
  virtual void launch(const Operands& operands) = 0;
  virtual std::size_t workspace_bytes() const { return 0; }
  /// Of each stream, from call to call.
  virtual std::size_t kept_bytes() const { return 0; }
  /// As OpReport::implementation.
  virtual std::string implementation() const = 0;
};

/// What an op is compiled with.
struct CompileContext {
  Runtime& runtime;
  Libraries& libraries;
  LayerCalls& layers;
  WeightStore& store;
  const Weights& weights;
  const graph::Graph& graph;
  const graph::Op& op;

  tensor::Desc input(std::size_t index) const { return graph.desc(op.inputs[index]); }
  tensor::Desc output() const { return graph.desc(op.output); }
  const graph::Weight& weight(std::size_t index) const {
    return graph.weights[static_cast<std::size_t>(op.weights[index])];
  }
  DeviceWeight upload(std::size_t index, const WeightLayout& layout) const {
    return store.get(weights, weight(index), layout);
  }
};

/// Throws unsupported, naming the op, for int8 and for types and shapes that no kernel takes.
std::unique_ptr<CompiledOp> compile_op(const CompileContext& context);

/// Projections as one call, compiled with the first of `ops`. Their outputs lie `y_stride` bytes
/// from one to the next. Throws unsupported if the library has no such call.
std::unique_ptr<CompiledOp> compile_projections(const CompileContext& context,
                                                const std::vector<const graph::Op*>& ops,
                                                std::size_t y_stride);
/// One of the others, which does nothing of its own.
std::unique_ptr<CompiledOp> compile_part_of(const std::string& first);

// One a kind; compile_op chooses.
std::unique_ptr<CompiledOp> compile(const graph::Conv2d& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::Linear& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::GegluLinear& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::GroupNorm& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::LayerNorm& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::Attention& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::Add& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::AddScaled& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::Act& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::Convert& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::UpsampleNearest& op,
                                    const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::ConcatChannels& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::ConcatTokens& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::SliceChannels& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::Embedding& op, const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::TimestepEmbedding& op,
                                    const CompileContext& context);
std::unique_ptr<CompiledOp> compile(const graph::InjectFeatures& op, const CompileContext& context);

}  // namespace streamdiffusion::backend::cuda
