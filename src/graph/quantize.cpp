#include "graph/quantize.h"

#include <algorithm>
#include <cmath>

namespace streamdiffusion::graph {
namespace {

/// The largest quantized weight.
constexpr float kLargest = 127;
/// At most so many channels are few.
constexpr std::int64_t kFewChannels = 4;

/// Steps of a quantized activation.
constexpr float kSteps = 255;

/// The product of two such scales, and its inverse, are normal numbers still.
constexpr float kSmallestScale = 1e-18F;

bool has_few_channels(const Conv2d& op) {
  return op.kernel == 3 && std::min(op.in, op.out) <= kFewChannels;
}

}  // namespace

std::uint8_t QuantParams::quantize(float value) const {
  const float q = std::fma(value, 1 / scale, static_cast<float>(zero_point));
  return static_cast<std::uint8_t>(std::nearbyint(std::clamp(q, 0.0F, 255.0F)));
}

QuantParams choose_quant_params(const ActivationRange& range) {
  const float low = std::min(range.low, 0.0F), high = std::max(range.high, 0.0F);
  const float scale = high / kSteps - low / kSteps;
  if (!(scale >= kSmallestScale)) return {};
  return {scale, static_cast<int>(std::nearbyint(std::clamp(-low / scale, 0.0F, 255.0F)))};
}

void per_channel_scales(std::span<const float> weight, std::span<float> scales) {
  const std::size_t columns = weight.size() / scales.size();
  for (std::size_t row = 0; row < scales.size(); ++row) {
    float largest = 0;
    for (const float w : weight.subspan(row * columns, columns))
      largest = std::max(largest, std::abs(w));
    const float scale = largest / kLargest;
    scales[row] = scale >= kSmallestScale ? scale : 1;
  }
}

void quantize_per_channel(std::span<const float> weight, std::span<const float> scales,
                          std::span<std::int8_t> quantized) {
  const std::size_t columns = weight.size() / scales.size();
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const float q = weight[i] / scales[i / columns];
    quantized[i] = static_cast<std::int8_t>(std::nearbyint(std::clamp(q, -kLargest, kLargest)));
  }
}

bool can_quantize(const Op& op) {
  if (const auto* conv = std::get_if<Conv2d>(&op.attributes)) return !has_few_channels(*conv);
  return std::holds_alternative<Linear>(op.attributes) ||
         std::holds_alternative<GegluLinear>(op.attributes);
}

void quantize(Graph& graph, const ActivationRanges& ranges) {
  for (Op& op : graph.ops) {
    const auto found = ranges.find(op.name);
    if (found != ranges.end() && can_quantize(op)) op.input_range = found->second;
  }
}

}  // namespace streamdiffusion::graph
