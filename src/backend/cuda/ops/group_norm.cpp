// Group norm, with SiLU and a second input: statistics, then the normalized values.
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/ops/compiled_op.h"

namespace streamdiffusion::backend::cuda {
namespace {

class GroupNormOp final : public CompiledOp {
 public:
  GroupNormOp(const graph::GroupNorm& op, const CompileContext& context)
      : op_(op),
        runtime_(context.runtime),
        weight_(context.upload(0, {})),
        bias_(context.upload(1, {})),
        workspace_bytes_(group_norm_workspace(op, context.output().shape)) {}

  void launch(const Operands& operands) override {
    launch_group_norm(op_,
                      {.first = operands.inputs[0],
                       .second = operands.inputs[1],
                       .row_bias = operands.row_bias,
                       .weight = reinterpret_cast<const float*>(weight_->data()),
                       .bias = reinterpret_cast<const float*>(bias_->data())},
                      operands.output, operands.workspace, runtime_.stream());
  }
  std::size_t workspace_bytes() const override { return workspace_bytes_; }
  std::string implementation() const override { return "group_norm"; }

 private:
  const graph::GroupNorm op_;
  Runtime& runtime_;
  const DeviceWeight weight_, bias_;
  const std::size_t workspace_bytes_;
};

}  // namespace

std::unique_ptr<CompiledOp> compile(const graph::GroupNorm& op, const CompileContext& context) {
  return std::make_unique<GroupNormOp>(op, context);
}

}  // namespace streamdiffusion::backend::cuda
