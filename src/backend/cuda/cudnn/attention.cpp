#include "backend/cuda/cudnn/attention.h"

#include "backend/cuda/cudnn/operations.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

/// Heads side by side in memory: [batch, tokens, heads * size].
Descriptor operand(const AttentionShape& shape, AttentionOperand id, std::int64_t tokens) {
  const std::int64_t width = shape.heads * shape.size;
  return tensor_descriptor({.type = cudnn_type(shape.dtype),
                            .dims = {shape.batch, shape.heads, tokens, shape.size},
                            .strides = {tokens * width, shape.size, width, 1},
                            .id = static_cast<std::int64_t>(id)});
}

Descriptor scale_operand() {
  return tensor_descriptor({.type = CUDNN_DATA_FLOAT,
                            .dims = {1, 1, 1, 1},
                            .strides = {1, 1, 1, 1},
                            .id = static_cast<std::int64_t>(AttentionOperand::scale),
                            .by_value = true});
}

}  // namespace

bool cudnn_takes(const AttentionShape& shape) {
  return shape.dtype != tensor::DType::f32 && shape.size % 8 == 0;
}

std::vector<Plan> plan_attentions(const Card& card, const AttentionShape& shape, std::size_t most) {
  Descriptor operation(CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC,
                operand(shape, AttentionOperand::q, shape.queries));
  operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_KDESC,
                operand(shape, AttentionOperand::k, shape.keys));
  operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_VDESC,
                operand(shape, AttentionOperand::v, shape.keys));
  operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_ODESC,
                operand(shape, AttentionOperand::y, shape.queries));
  operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC, scale_operand());
  operation.finalize();
  std::vector<Descriptor> operations;
  operations.push_back(std::move(operation));
  const std::string what = base::concat("attention of ", shape.heads, " heads of ", shape.size,
                                        " channels, ", shape.queries, " queries and ", shape.keys,
                                        " keys in ", tensor::to_string(shape.dtype));
  return make_plans(card, operations, {.runtime_compilation = true}, what, most);
}

Plan plan_attention(const Card& card, const AttentionShape& shape) {
  return std::move(plan_attentions(card, shape, 1).front());
}

}  // namespace streamdiffusion::backend::cuda
