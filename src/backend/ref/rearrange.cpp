// Ops that copy whole tokens or parts of them.
#include <algorithm>

#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {

void run(const graph::UpsampleNearest&, const Call& call) {
  const Tensor &x = call.inputs[0], &y = call.output;
  for (std::int64_t t = 0; t < y.shape.n * y.shape.tokens(); ++t) {
    const std::int64_t row = t / y.shape.tokens();
    const std::int64_t h = t / y.shape.w % y.shape.h * x.shape.h / y.shape.h;
    const std::int64_t w = t % y.shape.w * x.shape.w / y.shape.w;
    std::copy_n(x.token((row * x.shape.h + h) * x.shape.w + w), x.shape.c, y.token(t));
  }
}

void run(const graph::ConcatChannels&, const Call& call) {
  const Tensor &a = call.inputs[0], &b = call.inputs[1];
  for (std::int64_t t = 0; t < call.output.shape.n * call.output.shape.tokens(); ++t) {
    std::copy_n(b.token(t), b.shape.c, std::copy_n(a.token(t), a.shape.c, call.output.token(t)));
  }
}

void run(const graph::ConcatTokens&, const Call& call) {
  const Tensor &a = call.inputs[0], &b = call.inputs[1];
  for (std::int64_t row = 0; row < call.output.shape.n; ++row) {
    float* out = call.output.token(row * call.output.shape.tokens());
    for (const Tensor* from : {&a, &b}) {
      out = std::copy_n(from->token(row * from->shape.tokens()), from->shape.row_elements(), out);
    }
  }
}

void run(const graph::SliceChannels& op, const Call& call) {
  for (std::int64_t t = 0; t < call.output.shape.n * call.output.shape.tokens(); ++t) {
    std::copy_n(call.inputs[0].token(t) + op.first, op.count, call.output.token(t));
  }
}

}  // namespace streamdiffusion::backend::ref
