// Scaled dot-product attention, one query of one head at a time.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "backend/ref/dense.h"
#include "backend/ref/kept_rows.h"
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

/// The keys and values that the queries of one row attend to, in as many equal pieces as it has
/// slots; without slots, in one.
class Sources {
 public:
  Sources(const graph::Attention& op, const Call& call)
      : op_(op),
        call_(call),
        keys_(call.kept, op.slots, call.inputs[1].shape.row_elements()),
        values_(call.kept + keys_.size(call.inputs[1].shape.n), op.slots,
                call.inputs[2].shape.row_elements()) {}

  /// Keeps the row's own.
  void enter(std::int64_t row) {
    const Tensor &k = call_.inputs[1], &v = call_.inputs[2];
    row_ = row;
    if (op_.slots == 0) return;
    slots_.emplace(slots_of(call_.stored[3], row, op_.slots));
    std::copy_n(k.row(row), k.shape.row_elements(), keys_.at(row, slots_->own()));
    std::copy_n(v.row(row), v.shape.row_elements(), values_.at(row, slots_->own()));
  }
  std::int64_t count() const {
    return slots_ ? static_cast<std::int64_t>(slots_->all().size()) : 1;
  }
  const float* keys(std::int64_t source) const { return of(call_.inputs[1], keys_, source); }
  const float* values(std::int64_t source) const { return of(call_.inputs[2], values_, source); }

 private:
  const float* of(const Tensor& x, const KeptRows& kept, std::int64_t source) const {
    return slots_ ? kept.at(row_, slots_->all()[static_cast<std::size_t>(source)])
                  : x.row(op_.kv_rows[static_cast<std::size_t>(row_)]);
  }

  const graph::Attention& op_;
  const Call& call_;
  const KeptRows keys_, values_;
  std::int64_t row_ = 0;
  std::optional<graph::RowSlots> slots_;
};

}  // namespace

void run(const graph::Attention& op, const Call& call) {
  const Tensor &q = call.inputs[0], &k = call.inputs[1];
  const std::int64_t size = q.shape.c / op.heads, tokens = q.shape.tokens(),
                     keys = k.shape.tokens();
  const double scale = 1 / std::sqrt(static_cast<double>(size));
  Sources sources(op, call);
  for (std::int64_t t = 0; t < q.shape.n * tokens; ++t) {
    if (t % tokens == 0) sources.enter(t / tokens);
    const std::int64_t of_each = op.causal ? t % tokens + 1 : keys;
    const std::int64_t seen = of_each * sources.count();
    const std::span<double> scores(call.sums, static_cast<std::size_t>(seen));
    const std::span<double> sums(call.sums + seen, static_cast<std::size_t>(size));
    for (std::int64_t head = 0; head < q.shape.c; head += size) {
      for (std::int64_t j = 0; j < seen; ++j) {
        double dot = 0;
        const float *a = q.token(t) + head,
                    *b = sources.keys(j / of_each) + j % of_each * k.shape.c + head;
        for (std::int64_t c = 0; c < size; ++c) dot += double{a[c]} * double{b[c]};
        scores[static_cast<std::size_t>(j)] = dot * scale;
      }
      const double total = exponentials(scores);
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t j = 0; j < seen; ++j) {
        const double weight = scores[static_cast<std::size_t>(j)] / total;
        const float* value = sources.values(j / of_each) + j % of_each * k.shape.c + head;
        for (std::int64_t c = 0; c < size; ++c)
          sums[static_cast<std::size_t>(c)] += weight * value[c];
      }
      std::transform(sums.begin(), sums.end(), call.output.token(t) + head,
                     [](double sum) { return static_cast<float>(sum); });
    }
  }
}

}  // namespace streamdiffusion::backend::ref
