// Attention as a graph of cuDNN: one operation, compiled by cuDNN when the plan is made.
#pragma once

#include <span>

#include "backend/cuda/cudnn/plan.h"
#include "graph/ops/attention.h"

namespace streamdiffusion::backend::cuda {

/// Whether cuDNN takes the op. Causal attention needs cuDNN 9.21; head sizes must be a multiple of 8.
/// launch_attention runs the rest.
bool cudnn_takes_attention(const graph::Attention& op, const tensor::Shape& q, tensor::DType dtype);

/// Rows of q that one call handles.
struct AttentionRun {
  /// First row of q, first row of k and v.
  int first = 0, first_kv = 0;
  /// As many separate problems, of as many rows of q each.
  int batch = 1, rows = 1;

  bool operator==(const AttentionRun&) const = default;
};
/// Cuts rows of q into calls. Neighboring rows with the same keys are one problem with more queries,
/// as rows follow each other in memory; rows with keys of their own, in order, are one batch.
std::vector<AttentionRun> attention_runs(std::span<const int> kv_rows);

/// cuDNN's ids of the operands.
enum class AttentionOperand : std::int64_t { q = 1, k, v, y, scale };

/// A plan for one run. Throws unsupported.
Plan plan_attention(const Card& card, const graph::Attention& op, const AttentionRun& run,
                    const tensor::Shape& q, const tensor::Shape& k, tensor::DType dtype);

}  // namespace streamdiffusion::backend::cuda
