// Group norm of one or two inputs, statistics in two passes.
#include <cmath>

#include "backend/ref/dense.h"
#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {
namespace {

/// Calls visit(value, channel, token) for the channels [first, first + count) of a row of the
/// inputs side by side.
template <typename Visit>
void for_group(const Call& call, std::int64_t row, std::int64_t first, std::int64_t count,
               const Visit& visit) {
  const std::int64_t tokens = call.output.shape.tokens();
  const std::int64_t split = call.inputs[0].shape.c;
  for (std::int64_t t = row * tokens; t < (row + 1) * tokens; ++t) {
    for (std::int64_t c = first; c < first + count; ++c) {
      visit(double{c < split ? call.inputs[0].token(t)[c] : call.inputs[1].token(t)[c - split]}, c,
            t);
    }
  }
}

}  // namespace

void run(const graph::GroupNorm& op, const Call& call) {
  const std::int64_t width = call.output.shape.c / op.groups;
  const auto elements = static_cast<double>(call.output.shape.tokens() * width);
  for (std::int64_t row = 0; row < call.output.shape.n; ++row) {
    for (std::int64_t first = 0; first < call.output.shape.c; first += width) {
      double sum = 0, squares = 0;
      for_group(call, row, first, width, [&](double x, std::int64_t, std::int64_t) { sum += x; });
      const double mean = sum / elements;
      for_group(call, row, first, width,
                [&](double x, std::int64_t, std::int64_t) { squares += (x - mean) * (x - mean); });
      const double scale = 1 / std::sqrt(squares / elements + double{op.eps});
      for_group(call, row, first, width, [&](double x, std::int64_t c, std::int64_t t) {
        const double y = (x - mean) * scale * call.weights[0][c] + call.weights[1][c];
        const auto act = op.silu ? graph::Activation::silu : graph::Activation::none;
        call.output.token(t)[c] = static_cast<float>(activate(act, y));
      });
    }
  }
}

}  // namespace streamdiffusion::backend::ref
