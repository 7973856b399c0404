// Products in 8 bits: which ops, and what their bytes mean.
//
// An input becomes bytes by one scale and one zero for the whole tensor, a weight by one scale for
// each output channel; the products add up exactly in 32 bits and leave as the graph's own type.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "graph/graph.h"

namespace streamdiffusion::graph {

/// value = scale * (byte - zero), bytes 0..255.
struct ByteScale {
  float scale = 1;
  int zero = 0;

  /// Nearest, ties to even; what lies outside takes the nearest end.
  std::uint8_t byte(float value) const;
  float rounded(float value) const { return scale * static_cast<float>(byte(value) - zero); }
};

/// The finest in which the range and zero itself have bytes.
ByteScale byte_scale(const Range& range);

/// weight = scale[row] * q, q in -127..127: the scale of each row of a matrix [rows, …]; 1 for a
/// row of zeros.
void row_scales(std::span<const float> weight, std::span<float> scales);
/// The q of every weight.
void row_bytes(std::span<const float> weight, std::span<const float> scales,
               std::span<std::int8_t> bytes);

/// By the op's name, the range of its first input.
using Ranges = std::map<std::string, Range, std::less<>>;

/// At most so many channels are few.
constexpr std::int64_t kFewChannels = 4;
/// A convolution from or to a few channels, as at a network's edges: a processor gains nothing on
/// it by 8 bits, and images lose.
bool is_thin(const Conv2d& op);
/// Whether there is an 8-bit form of the op.
bool can_quantize(const Op& op);
/// Marks the ops that are named, where they can be; others stay as they are.
void quantize(Graph& graph, const Ranges& ranges);

}  // namespace streamdiffusion::graph
