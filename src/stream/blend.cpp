#include "stream/blend.h"

#include <cmath>

#include "base/error.h"

namespace streamdiffusion::stream {
namespace {

using base::ErrorCode;

/// Above this cosine slerp falls back to lerp: the two agree, and slerp would divide by nearly 0.
constexpr double kCollinear = 0.9995;

/// (1 - t) a + t b, or the same along the circle; into a.
void interpolate(std::vector<float>& a, std::span<const float> b, double t, Interpolation how) {
  double from = 1.0 - t, to = t;
  if (how == Interpolation::slerp) {
    double aa = 0, bb = 0, ab = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      aa += static_cast<double>(a[i]) * a[i];
      bb += static_cast<double>(b[i]) * b[i];
      ab += static_cast<double>(a[i]) * b[i];
    }
    const double cosine = aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 1.0;
    if (std::abs(cosine) < kCollinear) {
      const double angle = std::acos(cosine);
      from = std::sin((1.0 - t) * angle) / std::sin(angle);
      to = std::sin(t * angle) / std::sin(angle);
    }
  }
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(from * a[i] + to * b[i]);
}

}  // namespace

std::vector<float> blend(std::span<const WeightedValues> vectors, Interpolation how) {
  base::require(!vectors.empty(), ErrorCode::invalid_argument, "a blend of nothing");
  double total = 0;
  for (const WeightedValues& each : vectors) {
    base::require(each.weight >= 0 && std::isfinite(each.weight), ErrorCode::invalid_argument,
                  "a weight of a blend is ", each.weight, ", expected 0 or more");
    base::require(each.values.size() == vectors.front().values.size(), ErrorCode::internal,
                  "a blend of vectors of different sizes");
    total += each.weight;
  }
  base::require(total > 0, ErrorCode::invalid_argument, "the weights of a blend sum to zero");
  std::vector<float> blend(vectors.front().values.begin(), vectors.front().values.end());
  double so_far = vectors.front().weight;
  for (const WeightedValues& next : vectors.subspan(1)) {
    so_far += next.weight;
    if (next.weight > 0) interpolate(blend, next.values, next.weight / so_far, how);
  }
  return blend;
}

}  // namespace streamdiffusion::stream
