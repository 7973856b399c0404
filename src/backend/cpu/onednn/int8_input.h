// int8 matmuls and convolutions: what is the same for both (graph/quantize.h has the formulas).
#pragma once

#include <optional>
#include <vector>

#include "backend/cpu/onednn/primitive.h"
#include "backend/cpu/onednn/weight_packing.h"
#include "graph/quantize.h"

namespace streamdiffusion::backend::cpu {

/// Quantizes an op's input to u8, and tells oneDNN how the int32 sums become real numbers again:
/// y = scale[o] * (sum + bias[o] / scale[o]).
class Int8Input {
 public:
  /// Nothing for an op that is not marked for int8. `weight` gives the weight's scales.
  static std::optional<Int8Input> of(const KernelContext& context, const WeightValues& weight);

  /// Adds output scales and the input's zero point to the post-ops.
  dnnl::primitive_attr attributes(dnnl::primitive_attr post_ops) const;
  /// `bias` divided by the scale, since oneDNN adds it before it scales. Null for none.
  PackedWeight scaled_bias(const PackedWeight& bias) const;
  /// The same for a bias that changes from run to run; one element an output channel.
  void scale_bias(const float* bias, float* scaled) const;
  /// `n` elements of the input's type.
  void quantize(const void* x, std::size_t n, std::uint8_t* to) const;

 private:
  Int8Input(const KernelContext& context, const WeightValues& weight);

  tensor::DType dtype_;
  graph::QuantParams input_;
  PackedWeight weight_scales_;
  /// Input scale times weight scale, by output channel.
  std::vector<float> scales_;
};

}  // namespace streamdiffusion::backend::cpu
