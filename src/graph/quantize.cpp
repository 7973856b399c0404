#include "graph/quantize.h"

#include <algorithm>
#include <cmath>

namespace streamdiffusion::graph {
namespace {

constexpr float kLargest = 127;

}  // namespace

std::uint8_t ByteScale::byte(float value) const {
  const float place = std::fma(value, 1 / scale, static_cast<float>(zero));
  return static_cast<std::uint8_t>(std::nearbyint(std::clamp(place, 0.0F, 255.0F)));
}

ByteScale byte_scale(const Range& range) {
  const float low = std::min(range.low, 0.0F), high = std::max(range.high, 0.0F);
  if (!(high - low > 0)) return {};
  const float scale = (high - low) / 255;
  return {scale, static_cast<int>(std::nearbyint(std::clamp(-low / scale, 0.0F, 255.0F)))};
}

void row_scales(std::span<const float> weight, std::span<float> scales) {
  const std::size_t columns = weight.size() / scales.size();
  for (std::size_t row = 0; row < scales.size(); ++row) {
    float largest = 0;
    for (const float w : weight.subspan(row * columns, columns))
      largest = std::max(largest, std::abs(w));
    scales[row] = largest > 0 ? largest / kLargest : 1;
  }
}

void row_bytes(std::span<const float> weight, std::span<const float> scales,
               std::span<std::int8_t> bytes) {
  const std::size_t columns = weight.size() / scales.size();
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const float place = weight[i] / scales[i / columns];
    bytes[i] = static_cast<std::int8_t>(std::nearbyint(std::clamp(place, -kLargest, kLargest)));
  }
}

bool is_thin(const Conv2d& op) {
  return op.kernel == 3 && std::min(op.in, op.out) <= kFewChannels;
}

bool can_quantize(const Op& op) {
  if (const auto* convolution = std::get_if<Conv2d>(&op.attributes)) return !is_thin(*convolution);
  return std::holds_alternative<Linear>(op.attributes) ||
         std::holds_alternative<GegluLinear>(op.attributes);
}

void quantize(Graph& graph, const Ranges& ranges) {
  for (Op& op : graph.ops) {
    const auto found = ranges.find(op.name);
    if (found != ranges.end() && can_quantize(op)) op.range = found->second;
  }
}

}  // namespace streamdiffusion::graph
