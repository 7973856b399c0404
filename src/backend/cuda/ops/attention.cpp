// Attention: by cuDNN where it takes the shape, else by a kernel of our own.
#include "backend/cuda/attention_runs.h"
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/ops/compiled_op.h"

namespace streamdiffusion::backend::cuda {
namespace {

/// The library's attention, one call for each run of rows.
class LibraryAttentionOp final : public CompiledOp {
 public:
  struct Call {
    AttentionRun run;
    std::unique_ptr<AttentionCall> call;
  };
  explicit LibraryAttentionOp(std::vector<Call> calls) : calls_(std::move(calls)) {}

  void launch(const Operands& operands) override {
    for (const auto& [run, call] : calls_) {
      const auto& [q, k, v] = operands.inputs;
      const std::int64_t rows = std::int64_t{run.batch} * run.rows;
      call->run({.q = q.rows(run.first, rows).data,
                 .k = k.rows(run.first_kv, run.batch).data,
                 .v = v.rows(run.first_kv, run.batch).data,
                 .y = operands.output.rows(run.first, rows).data,
                 .workspace = operands.workspace});
    }
  }
  std::size_t workspace_bytes() const override {
    std::size_t most = 0;
    for (const Call& call : calls_) most = std::max(most, call.call->workspace_bytes());
    return most;
  }
  std::string implementation() const override { return calls_[0].call->implementation(); }

 private:
  const std::vector<Call> calls_;
};

/// Our own kernel.
class AttentionOp final : public CompiledOp {
 public:
  AttentionOp(const graph::Attention& op, const CompileContext& context)
      : op_(op), runtime_(context.runtime), kv_rows_(runtime_, op.kv_rows.size() * sizeof(int)) {
    upload_now(runtime_, kv_rows_, op_.kv_rows.data());
  }

  void launch(const Operands& operands) override {
    launch_attention(op_, operands.inputs[0], operands.inputs[1], operands.inputs[2],
                     reinterpret_cast<const int*>(kv_rows_.data()), operands.output,
                     runtime_.stream());
  }
  std::string implementation() const override { return "attention"; }

 private:
  const graph::Attention op_;
  Runtime& runtime_;
  const DeviceBuffer kv_rows_;
};

}  // namespace

std::unique_ptr<CompiledOp> compile(const graph::Attention& op, const CompileContext& context) {
  const tensor::Shape q = context.input(0).shape, k = context.input(1).shape;
  std::vector<LibraryAttentionOp::Call> calls;
  for (const AttentionRun& run : attention_runs(op.kv_rows)) {
    std::unique_ptr<AttentionCall> call;
    if (!op.causal)
      call = context.libraries.attention({.batch = run.batch,
                                          .queries = run.rows * q.tokens(),
                                          .keys = k.tokens(),
                                          .heads = op.heads,
                                          .size = q.c / op.heads,
                                          .dtype = context.output().dtype});
    if (!call) return std::make_unique<AttentionOp>(op, context);
    calls.push_back({run, std::move(call)});
  }
  return std::make_unique<LibraryAttentionOp>(std::move(calls));
}

}  // namespace streamdiffusion::backend::cuda
