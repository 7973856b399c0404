// In which order oneDNN takes the sums of an image's lines. Its "brgconv" adds up the input channels
// block by block, and chooses the blocks for a whole call: by the number of its lines and their
// padding too. So a line may be rounded otherwise alone than among others. It says nothing about it,
// which is why this finds out.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "backend/cpu/onednn/convolution.h"
#include "backend/cpu/onednn/staging.h"

namespace streamdiffusion::backend::cpu {

/// What decides how oneDNN blocks a convolution. Not int8, whose sums are exact.
struct ConvolutionCall {
  ConvolutionShape shape;
  bool residual = false;
  graph::Activation act = graph::Activation::none;

  auto operator<=>(const ConvolutionCall&) const = default;
};

/// A number for each output line. Where the same taps of a line fall on the padding, two calls of
/// the same channels, width and kernel have the same number if they round it alike. Computed once
/// for each call of the process, by running it. Any thread.
std::vector<std::uint64_t> line_orders(const ConvolutionCall& call, Staging& staging);

}  // namespace streamdiffusion::backend::cpu
