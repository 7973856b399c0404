// Linear layers: one matrix product of the library, and an activation that it does not have.
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/ops/compiled_op.h"
#include "base/align.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

std::int64_t tokens_of(const tensor::Desc& desc) {
  return desc.shape.n * desc.shape.tokens();
}

class LinearOp final : public CompiledOp {
 public:
  LinearOp(const graph::Linear& op, const CompileContext& context)
      : op_(op),
        runtime_(context.runtime),
        relu_(op.act == graph::Activation::relu),
        weight_(context.upload(0, {.dtype = context.input(0).dtype})),
        bias_(bias_of(op, context)),
        call_(context.layers.gemm({.tokens = tokens_of(context.output()),
                                   .in = op.in,
                                   .out = op.out,
                                   .dtype = context.input(0).dtype,
                                   .output_dtype = context.output().dtype,
                                   .bias = bias_ != nullptr,
                                   .residual = op.residual,
                                   .relu = relu_})) {}

  void launch(const Operands& operands) override {
    call_->run({.x = operands.inputs[0].data,
                .weight = weight_->data(),
                .bias = bias_ ? bias_->data() : nullptr,
                .residual = op_.residual ? operands.inputs[1].data : nullptr,
                .y = operands.output.data,
                .workspace = operands.workspace});
    if (acts()) launch_act(op_.act, operands.output, operands.output, runtime_.stream());
  }
  std::size_t workspace_bytes() const override { return call_->workspace_bytes(); }
  std::string implementation() const override {
    return call_->implementation() + (acts() ? " + act" : "");
  }

 private:
  /// Both biases as one.
  static DeviceWeight bias_of(const graph::Linear& op, const CompileContext& context) {
    const tensor::DType dtype = context.output().dtype;
    if (op.bias && op.extra_bias)
      return context.store.get_sum(context.weights, context.weight(1), context.weight(2), dtype);
    return op.bias || op.extra_bias ? context.upload(1, {.dtype = dtype}) : nullptr;
  }
  bool acts() const { return op_.act != graph::Activation::none && !relu_; }

  const graph::Linear op_;
  Runtime& runtime_;
  const bool relu_;
  const DeviceWeight weight_, bias_;
  const std::unique_ptr<LayerCall> call_;
};

/// Several products of one input, whose outputs lie side by side.
class ProjectionsOp final : public CompiledOp {
 public:
  ProjectionsOp(const CompileContext& context, const std::vector<const graph::Op*>& ops,
                std::size_t y_stride)
      : op_(std::get<graph::Linear>(ops.front()->attributes)),
        count_(ops.size()),
        call_(context.layers.gemm(shape(context, y_stride))),
        weight_(stack(context, ops, 0)),
        bias_(op_.bias ? stack(context, ops, 1) : nullptr) {}

  void launch(const Operands& operands) override {
    call_->run({.x = operands.inputs[0].data,
                .weight = weight_->data(),
                .bias = bias_ ? bias_->data() : nullptr,
                .y = operands.output.data,
                .workspace = operands.workspace});
  }
  std::size_t workspace_bytes() const override { return call_->workspace_bytes(); }
  std::string implementation() const override {
    return base::concat(call_->implementation(), ", ", count_, " products at once");
  }

 private:
  static DeviceWeight stack(const CompileContext& context, const std::vector<const graph::Op*>& ops,
                            std::size_t index) {
    std::vector<graph::Weight> parts;
    for (const graph::Op* op : ops)
      parts.push_back(context.graph.weights[static_cast<std::size_t>(op->weights[index])]);
    return context.store.get_stack(context.weights, parts, context.output().dtype);
  }
  GemmShape shape(const CompileContext& context, std::size_t y_stride) const {
    const tensor::DType dtype = context.output().dtype;
    return {.tokens = tokens_of(context.output()),
            .in = op_.in,
            .out = op_.out,
            .dtype = dtype,
            .output_dtype = dtype,
            .bias = op_.bias,
            .products = static_cast<std::int64_t>(count_),
            .y_stride = static_cast<std::int64_t>(y_stride / tensor::size_of(dtype))};
  }

  const graph::Linear op_;
  const std::size_t count_;
  const std::unique_ptr<LayerCall> call_;
  const DeviceWeight weight_, bias_;
};

/// What another op's call computes.
class PartOp final : public CompiledOp {
 public:
  explicit PartOp(std::string first) : first_(std::move(first)) {}
  void launch(const Operands&) override {}
  std::string implementation() const override { return "with " + first_; }

 private:
  const std::string first_;
};

/// Values and gates in one product, then the gate.
class GegluOp final : public CompiledOp {
 public:
  GegluOp(const graph::GegluLinear& op, const CompileContext& context)
      : runtime_(context.runtime),
        both_(context.output()),
        weight_(context.upload(0, {.dtype = context.output().dtype})),
        bias_(context.upload(1, {.dtype = context.output().dtype})),
        call_(context.layers.gemm({.tokens = tokens_of(context.output()),
                                   .in = op.in,
                                   .out = 2 * op.out,
                                   .dtype = context.output().dtype,
                                   .output_dtype = context.output().dtype,
                                   .bias = true})) {
    both_.shape.c *= 2;
  }

  void launch(const Operands& operands) override {
    const tensor::View both{operands.workspace, both_};
    call_->run({.x = operands.inputs[0].data,
                .weight = weight_->data(),
                .bias = bias_->data(),
                .y = both.data,
                .workspace = operands.workspace + base::aligned(both_.bytes())});
    launch_geglu_gate(both, operands.output, runtime_.stream());
  }
  std::size_t workspace_bytes() const override {
    return base::aligned(both_.bytes()) + call_->workspace_bytes();
  }
  std::string implementation() const override { return call_->implementation() + " + geglu_gate"; }

 private:
  Runtime& runtime_;
  tensor::Desc both_;
  const DeviceWeight weight_, bias_;
  const std::unique_ptr<LayerCall> call_;
};

}  // namespace

std::unique_ptr<CompiledOp> compile(const graph::Linear& op, const CompileContext& context) {
  return std::make_unique<LinearOp>(op, context);
}

std::unique_ptr<CompiledOp> compile_projections(const CompileContext& context,
                                                const std::vector<const graph::Op*>& ops,
                                                std::size_t y_stride) {
  return std::make_unique<ProjectionsOp>(context, ops, y_stride);
}

std::unique_ptr<CompiledOp> compile_part_of(const std::string& first) {
  return std::make_unique<PartOp>(first);
}

std::unique_ptr<CompiledOp> compile(const graph::GegluLinear& op, const CompileContext& context) {
  return std::make_unique<GegluOp>(op, context);
}

}  // namespace streamdiffusion::backend::cuda
