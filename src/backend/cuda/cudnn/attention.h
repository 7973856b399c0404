// Attention as a graph of cuDNN: one operation, compiled by cuDNN when the plan is made.
#pragma once

#include "backend/cuda/cudnn/plan.h"
#include "backend/cuda/libraries.h"

namespace streamdiffusion::backend::cuda {

/// Whether cuDNN takes the shape: head sizes must be a multiple of 8, and f32 is refused.
bool cudnn_takes(const AttentionShape& shape);

/// cuDNN's ids of the operands.
enum class AttentionOperand : std::int64_t { q = 1, k, v, y, scale };

/// Plans as make_plans(). Each is compiled, which takes up to a second.
std::vector<Plan> plan_attentions(const Card& card, const AttentionShape& shape, std::size_t most);
/// The first of them.
Plan plan_attention(const Card& card, const AttentionShape& shape);

}  // namespace streamdiffusion::backend::cuda
