// Direct convolution: for every output pixel, the taps that lie inside the picture.
#include <algorithm>

#include "backend/ref/dense.h"
#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {

void run(const graph::Conv2d& op, const Call& call) {
  const Tensor &x = call.inputs[0], &y = call.output;
  const std::span<double> sums(call.sums, static_cast<std::size_t>(op.out));
  const std::int64_t taps = op.kernel * op.kernel;
  for (std::int64_t pixel = 0; pixel < y.shape.n * y.shape.tokens(); ++pixel) {
    const std::int64_t row = pixel / y.shape.tokens();
    const std::int64_t top = pixel / y.shape.w % y.shape.h * op.stride - op.pad_begin;
    const std::int64_t left = pixel % y.shape.w * op.stride - op.pad_begin;
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const std::int64_t h = top + tap / op.kernel, w = left + tap % op.kernel;
      if (h < 0 || h >= x.shape.h || w < 0 || w >= x.shape.w) continue;
      const float* source = x.token((row * x.shape.h + h) * x.shape.w + w);
      multiply_add(sums, {source, static_cast<std::size_t>(op.in)}, call.weights[0] + tap * op.out,
                   taps * op.out);
    }
    if (op.bias) add(sums, call.weights[1]);
    if (op.row_bias) add(sums, call.inputs[1].row(row));
    if (op.residual)
      add(sums, call.inputs[static_cast<std::size_t>(op.residual_input())].token(pixel));
    float* out = y.token(pixel);
    for (const double sum : sums) *out++ = static_cast<float>(activate(op.act, sum));
  }
}

}  // namespace streamdiffusion::backend::ref
