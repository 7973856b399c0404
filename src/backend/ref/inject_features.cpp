// Features drawn to the most similar ones of earlier calls.
#include <algorithm>
#include <cmath>

#include "backend/ref/kept_rows.h"
#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {
namespace {

double cosine(const float* a, const float* b, std::int64_t channels) {
  double dot = 0, a_square = 0, b_square = 0;
  for (std::int64_t c = 0; c < channels; ++c) {
    dot += double{a[c]} * double{b[c]};
    a_square += double{a[c]} * double{a[c]};
    b_square += double{b[c]} * double{b[c]};
  }
  const double lengths = std::sqrt(a_square * b_square);
  return lengths > 0 ? dot / lengths : 0;
}

}  // namespace

void run(const graph::InjectFeatures& op, const Call& call) {
  const Tensor &x = call.inputs[0], &residual = call.inputs[1], &settings = call.inputs[3];
  const std::int64_t elements = x.shape.row_elements();
  const KeptRows kept(call.kept, op.slots, elements);
  const std::int64_t tokens = x.shape.tokens(), channels = x.shape.c;
  for (std::int64_t row = 0; row < x.shape.n; ++row) {
    const graph::RowSlots slots = slots_of(call.stored[2], row, op.slots);
    const float strength = settings.row(row)[0], threshold = settings.row(row)[1];
    for (std::int64_t t = row * tokens; t < (row + 1) * tokens; ++t) {
      const float* nearest = nullptr;
      double most = -2;
      for (const int slot : slots.earlier()) {
        for (std::int64_t j = 0; j < tokens; ++j) {
          const float* candidate = kept.at(row, slot) + j * channels;
          const double similarity = cosine(x.token(t), candidate, channels);
          if (similarity <= most) continue;
          most = similarity;
          nearest = candidate;
        }
      }
      const float share = nearest != nullptr && most >= threshold ? strength : 0;
      for (std::int64_t c = 0; c < channels; ++c) {
        float feature = x.token(t)[c];
        if (share > 0) feature = (1 - share) * feature + share * nearest[c];
        call.output.token(t)[c] = residual.token(t)[c] + feature;
      }
    }
    std::copy_n(x.row(row), elements, kept.at(row, slots.own()));
  }
}

}  // namespace streamdiffusion::backend::ref
