#include "lora/delta.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "weights/safetensors.h"

namespace streamdiffusion::lora {
namespace {

using base::ErrorCode;
using Dims = std::vector<std::int64_t>;

std::int64_t product(std::span<const std::int64_t> dims, std::size_t from = 0) {
  std::int64_t all = 1;
  for (std::size_t i = from; i < dims.size(); ++i) all *= dims[i];
  return all;
}

/// A matrix in row-major order.
struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<float> values;
};

/// The factor as a matrix of its first dimension by all others.
Matrix flat(const Factor& factor) {
  return {factor.dims.empty() ? 1 : factor.dims.front(), product(factor.dims, 1), factor.values};
}

Matrix transposed(const Matrix& m) {
  Matrix out{m.columns, m.rows, std::vector<float>(m.values.size())};
  for (std::int64_t r = 0; r < m.rows; ++r) {
    for (std::int64_t c = 0; c < m.columns; ++c) {
      out.values[static_cast<std::size_t>(c * m.rows + r)] =
          m.values[static_cast<std::size_t>(r * m.columns + c)];
    }
  }
  return out;
}

/// A row of a x b, a block of columns at a time, which stays in the first cache.
void row_of_product(const float* a, const Matrix& b, float* out) {
  constexpr std::int64_t kBlock = 1024;
  for (std::int64_t begin = 0; begin < b.columns; begin += kBlock) {
    const std::int64_t count = std::min(kBlock, b.columns - begin);
    float* __restrict to = out + begin;
    std::fill(to, to + count, 0.0F);
    for (std::int64_t k = 0; k < b.rows; ++k) {
      const float factor = a[k];
      const float* __restrict from = b.values.data() + k * b.columns + begin;
      for (std::int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
    }
  }
}

Matrix times(const Matrix& a, const Matrix& b) {
  Matrix out{a.rows, b.columns, std::vector<float>(static_cast<std::size_t>(a.rows * b.columns))};
  for (std::int64_t row = 0; row < a.rows; ++row) {
    row_of_product(a.values.data() + row * a.columns, b, out.values.data() + row * b.columns);
  }
  return out;
}

/// Σ_q t[p, q, yx] b[q, in]: the inner product of the Tucker form, [p, in, yx].
Matrix inner_tucker(const Factor& t, const Matrix& b) {
  const std::int64_t ranks = t.dims[0], inner = t.dims[1], taps = product(t.dims, 2);
  Matrix out{ranks, b.columns * taps,
             std::vector<float>(static_cast<std::size_t>(ranks * b.columns * taps))};
  for (std::int64_t p = 0; p < ranks; ++p) {
    for (std::int64_t q = 0; q < inner; ++q) {
      const float* taps_of = t.values.data() + (p * inner + q) * taps;
      for (std::int64_t in = 0; in < b.columns; ++in) {
        const float factor = b.values[static_cast<std::size_t>(q * b.columns + in)];
        float* to = out.values.data() + p * out.columns + in * taps;
        for (std::int64_t i = 0; i < taps; ++i) to[i] += factor * taps_of[i];
      }
    }
  }
  return out;
}

Matrix hada_factor(const Factors& f, Part a, Part b, Part t) {
  const auto middle = f.find(t);
  if (middle == f.end()) return times(flat(f.at(a)), flat(f.at(b)));
  return times(transposed(flat(f.at(a))), inner_tucker(middle->second, flat(f.at(b))));
}

/// w1 or w2 of a Kronecker product, whole or from its two factors.
Matrix kron_factor(const Factors& f, Part whole, Part a, Part b) {
  if (const auto found = f.find(whole); found != f.end()) return flat(found->second);
  if (whole == Part::lokr_w2) return hada_factor(f, a, b, Part::lokr_t2);
  return times(flat(f.at(a)), flat(f.at(b)));
}

Matrix kron(const Factors& f, std::span<const std::int64_t> dims) {
  const Matrix w1 = kron_factor(f, Part::lokr_w1, Part::lokr_w1_a, Part::lokr_w1_b);
  const Matrix w2 = kron_factor(f, Part::lokr_w2, Part::lokr_w2_a, Part::lokr_w2_b);
  Matrix out{dims[0], product(dims, 1),
             std::vector<float>(static_cast<std::size_t>(product(dims)))};
  float* to = out.values.data();
  for (std::int64_t a = 0; a < w1.rows; ++a) {
    for (std::int64_t c = 0; c < w2.rows; ++c) {
      const float* row = w2.values.data() + c * w2.columns;
      for (std::int64_t b = 0; b < w1.columns; ++b) {
        const float factor = w1.values[static_cast<std::size_t>(a * w1.columns + b)];
        for (std::int64_t i = 0; i < w2.columns; ++i) *to++ = factor * row[i];
      }
    }
  }
  return out;
}

Matrix hada(const Factors& f) {
  Matrix out = hada_factor(f, Part::hada_w1_a, Part::hada_w1_b, Part::hada_t1);
  const Matrix other = hada_factor(f, Part::hada_w2_a, Part::hada_w2_b, Part::hada_t2);
  for (std::size_t i = 0; i < out.values.size(); ++i) out.values[i] *= other.values[i];
  return out;
}

}  // namespace

void add_change(const Factors& factors, Form form, std::span<const std::int64_t> dims, float scale,
                std::span<float> out) {
  const auto add = [&](const Matrix& change) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += scale * change.values[i];
  };
  switch (form) {
    case Form::lora:
    case Form::lora_mid: {
      const Matrix up = flat(factors.at(Part::up)), down = flat(factors.at(Part::down));
      const Matrix inner = form == Form::lora ? down : inner_tucker(factors.at(Part::mid), down);
      std::vector<float> row(static_cast<std::size_t>(inner.columns));
      for (std::int64_t o = 0; o < up.rows; ++o) {
        row_of_product(up.values.data() + o * up.columns, inner, row.data());
        float* to = out.data() + o * inner.columns;
        for (std::size_t i = 0; i < row.size(); ++i) to[i] += scale * row[i];
      }
      return;
    }
    case Form::hada:
    case Form::hada_mid:
      return add(hada(factors));
    case Form::kron:
      return add(kron(factors, dims));
    case Form::diff:
      return add(flat(factors.at(Part::diff)));
  }
}

}  // namespace streamdiffusion::lora
