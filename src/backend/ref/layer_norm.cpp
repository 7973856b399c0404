// Layer norm over the channels of each token, statistics in two passes.
#include <cmath>

#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {

void run(const graph::LayerNorm& op, const Call& call) {
  const std::int64_t width = call.output.shape.c;
  for (std::int64_t t = 0; t < call.output.shape.n * call.output.shape.tokens(); ++t) {
    const float* x = call.inputs[0].token(t);
    double sum = 0, squares = 0;
    for (std::int64_t c = 0; c < width; ++c) sum += x[c];
    const double mean = sum / static_cast<double>(width);
    for (std::int64_t c = 0; c < width; ++c) squares += (x[c] - mean) * (x[c] - mean);
    const double scale = 1 / std::sqrt(squares / static_cast<double>(width) + double{op.eps});
    for (std::int64_t c = 0; c < width; ++c) {
      call.output.token(t)[c] =
          static_cast<float>((x[c] - mean) * scale * call.weights[0][c] + call.weights[1][c]);
    }
  }
}

}  // namespace streamdiffusion::backend::ref
