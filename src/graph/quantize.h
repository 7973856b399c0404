// int8 matmuls and convolutions: which ops run in int8, and how their operands are quantized.
//
// Activations are u8, asymmetric, with one scale and zero point for the whole tensor. Weights are
// s8, symmetric, with one scale for each output channel. The sums are exact in 32 bits and are
// dequantized to the graph's own type (Jacob et al. 2017, arXiv 1712.05877, section 2).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "graph/graph.h"

namespace streamdiffusion::graph {

/// value = scale * (q - zero_point), q in 0..255.
struct QuantParams {
  float scale = 1;
  int zero_point = 0;

  /// Rounds to nearest, ties to even, and saturates.
  std::uint8_t quantize(float value) const;
  /// Quantizes and dequantizes.
  float fake_quantize(float value) const {
    return scale * static_cast<float>(quantize(value) - zero_point);
  }
};

/// The smallest scale that covers the range and represents zero exactly. A range so narrow
/// that its scale would be below 1e-18 counts as zero alone, with the scale 1: products of scales
/// must not become denormal.
QuantParams choose_quant_params(const ActivationRange& range);

/// The scale of each row of a matrix [rows, …], with weight = scale[row] * q and q in -127..127.
/// A row of zeros, or of weights that would have a scale below 1e-18, has the scale 1.
void per_channel_scales(std::span<const float> weight, std::span<float> scales);
/// The q of every weight.
void quantize_per_channel(std::span<const float> weight, std::span<const float> scales,
                          std::span<std::int8_t> quantized);

/// The range of each op's first input, by the op's name.
using ActivationRanges = std::map<std::string, ActivationRange, std::less<>>;

/// Whether the op may run in int8: linear layers and convolutions. The convolutions at a network's
/// edges, from or to at most four channels, keep their type: they are little work, and their
/// rounding shows in the image.
bool can_quantize(const Op& op);
/// Marks the named ops for int8 where can_quantize() allows it.
void quantize(Graph& graph, const ActivationRanges& ranges);

}  // namespace streamdiffusion::graph
