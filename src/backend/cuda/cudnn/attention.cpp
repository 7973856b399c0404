#include "backend/cuda/cudnn/attention.h"

#include "backend/cuda/cudnn/operations.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

/// Heads of `size` channels side by side in memory [batch, tokens, heads * size].
Descriptor operand(cudnnDataType_t type, AttentionOperand id, std::int64_t batch,
                   std::int64_t tokens, std::int64_t heads, std::int64_t size) {
  const std::int64_t width = heads * size;
  return tensor_descriptor({.type = type,
                            .dims = {batch, heads, tokens, size},
                            .strides = {tokens * width, size, width, 1},
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

bool cudnn_takes_attention(const graph::Attention& op, const tensor::Shape& q,
                           tensor::DType dtype) {
  return !op.causal && dtype != tensor::DType::f32 && q.c / op.heads % 8 == 0;
}

std::vector<AttentionRun> attention_runs(std::span<const int> kv_rows) {
  std::vector<AttentionRun> runs;
  for (std::size_t i = 0; i < kv_rows.size(); ++i) {
    const int row = static_cast<int>(i), kv = kv_rows[i];
    if (!runs.empty()) {
      AttentionRun& last = runs.back();
      if (last.batch == 1 && kv == last.first_kv) {
        ++last.rows;
        continue;
      }
      const bool next_follows = i + 1 == kv_rows.size() || kv_rows[i + 1] != kv;
      if (last.rows == 1 && kv == last.first_kv + last.batch && next_follows) {
        ++last.batch;
        continue;
      }
    }
    runs.push_back({.first = row, .first_kv = kv});
  }
  return runs;
}

Plan plan_attention(const Card& card, const graph::Attention& op, const AttentionRun& run,
                    const tensor::Shape& q, const tensor::Shape& k, tensor::DType dtype) {
  const cudnnDataType_t type = cudnn_type(dtype);
  const std::int64_t size = q.c / op.heads, queries = run.rows * q.tokens();
  Descriptor operation(CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC,
                operand(type, AttentionOperand::q, run.batch, queries, op.heads, size));
  operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_KDESC,
                operand(type, AttentionOperand::k, run.batch, k.tokens(), op.heads, size));
  operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_VDESC,
                operand(type, AttentionOperand::v, run.batch, k.tokens(), op.heads, size));
  operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_ODESC,
                operand(type, AttentionOperand::y, run.batch, queries, op.heads, size));
  operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC, scale_operand());
  operation.finalize();
  std::vector<Descriptor> operations;
  operations.push_back(std::move(operation));
  const std::string what =
      base::concat("attention of ", op.heads, " heads of ", size, " channels, ", queries,
                   " queries and ", k.tokens(), " keys in ", tensor::to_string(dtype));
  return make_plan(card, operations, {.runtime_compilation = true}, what);
}

}  // namespace streamdiffusion::backend::cuda
