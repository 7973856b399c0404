// A convolution: the input padded to whole vectors of channels if it has few, the library's call,
// and what that cannot add.
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/ops/compiled_op.h"
#include "base/align.h"

namespace streamdiffusion::backend::cuda {
namespace {

class Conv2dOp final : public CompiledOp {
 public:
  Conv2dOp(const graph::Conv2d& op, const CompileContext& context)
      : op_(op),
        form_(convolution_form(op, context.output().dtype)),
        runtime_(context.runtime),
        padded_{context.input(0)},
        weight_(context.upload(0, {.order = form_.transposed ? WeightLayout::Order::transposed
                                                             : WeightLayout::Order::channels_last,
                                   .dtype = context.output().dtype,
                                   .in = form_.in})),
        bias_(op.bias ? context.upload(1, {.dtype = context.output().dtype}) : nullptr) {
    padded_.shape.c = form_.in;
    call_ = context.layers.convolution({.op = op,
                                        .form = form_,
                                        .x = padded_.shape,
                                        .y = context.output().shape,
                                        .dtype = context.output().dtype});
    // A residual that the output overwrites must survive the library's call.
    apart_ = form_.add_bias && op.residual;
    if (form_.in != op.in) padded_bytes_ = base::aligned(padded_.bytes());
    if (apart_) apart_bytes_ = base::aligned(context.output().bytes());
  }

  void launch(const Operands& operands) override {
    const tensor::View x = pad(operands);
    tensor::View convolved = operands.output;
    if (apart_) convolved.data = operands.workspace + padded_bytes_;
    const void* residual =
        op_.residual ? operands.inputs[static_cast<std::size_t>(op_.residual_input())].data
                     : nullptr;
    const void* bias = bias_ ? bias_->data() : nullptr;
    call_->run({.x = x.data,
                .weight = weight_->data(),
                .bias = form_.bias ? bias : nullptr,
                .residual = form_.residual ? residual : nullptr,
                .y = convolved.data,
                .workspace = operands.workspace + padded_bytes_ + apart_bytes_});
    if (!form_.add_bias) return;
    BiasTerms terms{.act = op_.act};
    if (!form_.bias) terms.bias = bias;
    if (!form_.residual) terms.residual = residual;
    if (op_.row_bias) terms.row_bias = operands.inputs[1].as<const float>();
    launch_add_bias(terms, convolved, operands.output, runtime_.stream());
  }
  std::size_t workspace_bytes() const override {
    return padded_bytes_ + apart_bytes_ + call_->workspace_bytes();
  }
  std::string implementation() const override {
    return call_->implementation() + (form_.add_bias ? " + add_bias" : "");
  }

 private:
  tensor::View pad(const Operands& operands) const {
    if (padded_bytes_ == 0) return operands.inputs[0];
    const tensor::View padded{operands.workspace, padded_};
    launch_convert({.to = padded_.dtype}, operands.inputs[0], padded, runtime_.stream());
    return padded;
  }

  const graph::Conv2d op_;
  const ConvolutionForm form_;
  Runtime& runtime_;
  tensor::Desc padded_;
  const DeviceWeight weight_, bias_;
  std::unique_ptr<LayerCall> call_;
  /// Whether the library writes to workspace, not to the output.
  bool apart_ = false;
  std::size_t padded_bytes_ = 0, apart_bytes_ = 0;
};

}  // namespace

std::unique_ptr<CompiledOp> compile(const graph::Conv2d& op, const CompileContext& context) {
  return std::make_unique<Conv2dOp>(op, context);
}

}  // namespace streamdiffusion::backend::cuda
