// Dense layers, token by token.
#include <algorithm>

#include "backend/ref/dense.h"
#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {

void run(const graph::Linear& op, const Call& call) {
  const std::span<double> sums(call.sums, static_cast<std::size_t>(op.out));
  for (std::int64_t t = 0; t < call.output.shape.n * call.output.shape.tokens(); ++t) {
    std::fill(sums.begin(), sums.end(), 0.0);
    multiply_add(sums, {call.inputs[0].token(t), static_cast<std::size_t>(op.in)}, call.weights[0],
                 op.out);
    for (std::size_t i = 1; i <= std::size_t{op.bias} + std::size_t{op.extra_bias}; ++i)
      add(sums, call.weights[i]);
    if (op.residual) add(sums, call.inputs[1].token(t));
    float* out = call.output.token(t);
    for (const double sum : sums) *out++ = static_cast<float>(activate(op.act, sum));
  }
}

void run(const graph::GegluLinear& op, const Call& call) {
  const auto out = static_cast<std::size_t>(op.out);
  const std::span<double> sums(call.sums, 2 * out);
  for (std::int64_t t = 0; t < call.output.shape.n * call.output.shape.tokens(); ++t) {
    std::fill(sums.begin(), sums.end(), 0.0);
    multiply_add(sums, {call.inputs[0].token(t), static_cast<std::size_t>(op.in)}, call.weights[0],
                 2 * op.out);
    add(sums, call.weights[1]);
    for (std::size_t o = 0; o < out; ++o) {
      const double gate = activate(graph::Activation::gelu, sums[out + o]);
      call.output.token(t)[o] = static_cast<float>(sums[o] * gate);
    }
  }
}

}  // namespace streamdiffusion::backend::ref
