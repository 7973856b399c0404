// Scaled dot-product attention, one query of one head at a time.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/ref/dense.h"
#include "backend/ref/ops.h"

namespace streamdiffusion::backend::ref {
namespace {

/// Replaces scores by exp(score - largest) and returns their sum.
double exponentials(std::span<double> scores) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  return sum;
}

}  // namespace

void run(const graph::Attention& op, const Call& call) {
  const auto& [q, k, v] = call.inputs;
  const std::int64_t size = q.shape.c / op.heads, tokens = q.shape.tokens(),
                     keys = k.shape.tokens();
  const double scale = 1 / std::sqrt(static_cast<double>(size));
  for (std::int64_t t = 0; t < q.shape.n * tokens; ++t) {
    const std::int64_t first_key = op.kv_rows[static_cast<std::size_t>(t / tokens)] * keys;
    const std::int64_t seen = op.causal ? t % tokens + 1 : keys;
    const std::span<double> scores(call.sums, static_cast<std::size_t>(seen));
    const std::span<double> sums(call.sums + keys, static_cast<std::size_t>(size));
    for (std::int64_t head = 0; head < q.shape.c; head += size) {
      for (std::int64_t j = 0; j < seen; ++j) {
        double dot = 0;
        const float *a = q.token(t) + head, *b = k.token(first_key + j) + head;
        for (std::int64_t c = 0; c < size; ++c) dot += double{a[c]} * double{b[c]};
        scores[static_cast<std::size_t>(j)] = dot * scale;
      }
      const double total = exponentials(scores);
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t j = 0; j < seen; ++j) {
        const double weight = scores[static_cast<std::size_t>(j)] / total;
        const float* value = v.token(first_key + j) + head;
        for (std::int64_t c = 0; c < size; ++c)
          sums[static_cast<std::size_t>(c)] += weight * value[c];
      }
      std::transform(sums.begin(), sums.end(), call.output.token(t) + head,
                     [](double sum) { return static_cast<float>(sum); });
    }
  }
}

}  // namespace streamdiffusion::backend::ref
