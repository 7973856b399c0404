// Attention: by cuDNN where it takes the shape, else by a kernel of our own. Attention to keys of
// earlier calls is always our own: how many there are changes from frame to frame, while a program
// is recorded once.
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
      const tensor::View &q = operands.inputs[0], &k = operands.inputs[1], &v = operands.inputs[2];
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
      : op_(op),
        runtime_(context.runtime),
        kept_bytes_(context.graph.kept_bytes(context.op)),
        kv_rows_(runtime_, op.kv_rows.size() * sizeof(int)) {
    upload_now(runtime_, kv_rows_, op_.kv_rows.data());
  }

  void launch(const Operands& operands) override {
    const tensor::View &q = operands.inputs[0], &k = operands.inputs[1], &v = operands.inputs[2];
    const KeptSlots kept{operands.kept, op_.slots, operands.inputs[3]};
    if (op_.slots > 0) {
      launch_keep_rows(k, kept, 0, 2, runtime_.stream());
      launch_keep_rows(v, kept, 1, 2, runtime_.stream());
    }
    launch_attention(op_, q, k, v, reinterpret_cast<const int*>(kv_rows_.data()), kept,
                     operands.output, runtime_.stream());
  }
  std::size_t kept_bytes() const override { return kept_bytes_; }
  std::string implementation() const override { return "attention"; }

 private:
  const graph::Attention op_;
  Runtime& runtime_;
  const std::size_t kept_bytes_;
  const DeviceBuffer kv_rows_;
};

}  // namespace

std::unique_ptr<CompiledOp> compile(const graph::Attention& op, const CompileContext& context) {
  const tensor::Shape q = context.input(0).shape, k = context.input(1).shape;
  std::vector<LibraryAttentionOp::Call> calls;
  for (const AttentionRun& run : attention_runs(op.kv_rows)) {
    std::unique_ptr<AttentionCall> call;
    if (!op.causal && op.slots == 0)
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

namespace {

class InjectFeaturesOp final : public CompiledOp {
 public:
  InjectFeaturesOp(const graph::InjectFeatures& op, const CompileContext& context)
      : slots_(op.slots),
        runtime_(context.runtime),
        kept_bytes_(context.graph.kept_bytes(context.op)) {}

  void launch(const Operands& o) override {
    const KeptSlots kept{o.kept, slots_, o.inputs[2]};
    // Before the op itself: its output may lie where an input does, and no row reads its own slot.
    launch_keep_rows(o.inputs[0], kept, 0, 1, runtime_.stream());
    launch_inject_features(o.inputs[0], o.inputs[1], kept, o.inputs[3], o.output,
                           runtime_.stream());
  }
  std::size_t kept_bytes() const override { return kept_bytes_; }
  std::string implementation() const override { return "inject_features"; }

 private:
  const int slots_;
  Runtime& runtime_;
  const std::size_t kept_bytes_;
};

}  // namespace

std::unique_ptr<CompiledOp> compile(const graph::InjectFeatures& op,
                                    const CompileContext& context) {
  return std::make_unique<InjectFeaturesOp>(op, context);
}

}  // namespace streamdiffusion::backend::cuda
