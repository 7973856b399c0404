// Direct convolution: the sum over the taps of every output pixel that lie inside the image.
#include <algorithm>

#include "backend/ref/dense.h"
#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {
namespace {

/// The input pixels that an output pixel reads: their first line and column, how many a side, and
/// their weights [in, taps, out].
struct Taps {
  std::int64_t top, left, side;
  const float* weight;
};

Taps taps_of(const graph::Conv2d& op, std::int64_t h, std::int64_t w, const float* weight) {
  if (!op.upsample2x)
    return {h * op.stride - op.pad_begin, w * op.stride - op.pad_begin, op.kernel, weight};
  const std::int64_t phase = 2 * (h % 2) + w % 2;
  return {(h + 1) / 2 - 1, (w + 1) / 2 - 1, 2, weight + phase * op.in * 4 * op.out};
}

}  // namespace

void run(const graph::Conv2d& op, const Call& call) {
  const Tensor &x = call.inputs[0], &y = call.output;
  const std::span<double> sums(call.sums, static_cast<std::size_t>(op.out));
  for (std::int64_t pixel = 0; pixel < y.shape.n * y.shape.tokens(); ++pixel) {
    const std::int64_t row = pixel / y.shape.tokens();
    const Taps taps =
        taps_of(op, pixel / y.shape.w % y.shape.h, pixel % y.shape.w, call.weights[0]);
    const std::int64_t count = taps.side * taps.side;
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::int64_t tap = 0; tap < count; ++tap) {
      const std::int64_t h = taps.top + tap / taps.side, w = taps.left + tap % taps.side;
      if (h < 0 || h >= x.shape.h || w < 0 || w >= x.shape.w) continue;
      const float* source = x.token((row * x.shape.h + h) * x.shape.w + w);
      multiply_add(sums, {source, static_cast<std::size_t>(op.in)}, taps.weight + tap * op.out,
                   count * op.out);
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
