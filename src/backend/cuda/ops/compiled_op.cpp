#include "backend/cuda/ops/compiled_op.h"

#include "base/error.h"

namespace streamdiffusion::backend::cuda {

std::unique_ptr<CompiledOp> compile_op(const CompileContext& context) {
  const graph::Op& op = context.op;
  base::require(op.inputs.size() <= Operands::kMaxInputs, base::ErrorCode::internal, op.kind(),
                " \"", op.name, "\" has ", op.inputs.size(), " inputs");
  base::require(!op.input_range, base::ErrorCode::unsupported, op.kind(), " \"", op.name,
                "\" is marked for int8, which the cuda device does not run");
  return std::visit([&](const auto& kind) { return compile(kind, context); }, op.attributes);
}

}  // namespace streamdiffusion::backend::cuda
