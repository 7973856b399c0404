#include "backend/ref/dense.h"

#include <cmath>
#include <numbers>

namespace streamdiffusion::backend::ref {

void multiply_add(std::span<double> sums, std::span<const float> x, const float* weight,
                  std::int64_t stride) {
  for (const float factor : x) {
    for (std::size_t o = 0; o < sums.size(); ++o) sums[o] += double{factor} * double{weight[o]};
    weight += stride;
  }
}

void add(std::span<double> sums, const float* terms) {
  if (terms == nullptr) return;
  for (std::size_t o = 0; o < sums.size(); ++o) sums[o] += terms[o];
}

double activate(graph::Activation activation, double x) {
  switch (activation) {
    case graph::Activation::none:
      return x;
    case graph::Activation::relu:
      return x < 0 ? 0 : x;
    case graph::Activation::silu:
      return x / (1 + std::exp(-x));
    case graph::Activation::gelu:
      return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2;
    case graph::Activation::quick_gelu:
      return x / (1 + std::exp(-1.702 * x));
    case graph::Activation::tanh3:
      return 3 * std::tanh(x / 3);
  }
  return x;
}

}  // namespace streamdiffusion::backend::ref
