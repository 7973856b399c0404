// Token plus position embedding.
#include "backend/ref/ops.h"
#include "base/error.h"

namespace streamdiffusion::backend::ref {

void run(const graph::Embedding& op, const Call& call) {
  const std::int64_t count = call.output.shape.n * call.output.shape.tokens();
  const auto* ids = call.stored[0].as<const std::int32_t>();
  for (std::int64_t t = 0; t < count; ++t) {
    base::require(ids[t] >= 0 && ids[t] < op.vocabulary, base::ErrorCode::invalid_argument,
                  "token ", t, " has id ", ids[t], ", the vocabulary has ", op.vocabulary,
                  " entries");
  }
  for (std::int64_t t = 0; t < count; ++t) {
    const float* token = call.weights[0] + ids[t] * op.width;
    const float* position = call.weights[1] + t % call.output.shape.tokens() * op.width;
    for (std::int64_t c = 0; c < op.width; ++c) call.output.token(t)[c] = token[c] + position[c];
  }
}

}  // namespace streamdiffusion::backend::ref
