// Products in 8 bits: what is the same for convolutions and linear layers.
#pragma once

#include <optional>
#include <vector>

#include "backend/cpu/onednn/primitive.h"
#include "backend/cpu/weight_cache.h"
#include "graph/quantize.h"

namespace streamdiffusion::backend::cpu {

/// Turns an op's input into bytes, and tells the library how its sums become numbers again:
/// y = scale[o] * (sum + bias[o] / scale[o]).
class Int8Input {
 public:
  /// Nothing for an op that is not marked for 8 bits.
  static std::optional<Int8Input> of(const KernelContext& context);

  /// Adds scales and zero to what follows the product.
  dnnl::primitive_attr attributes(dnnl::primitive_attr epilogue) const;
  /// `bias` as the library adds it: before the scale. Null for none.
  PackedWeight scaled_bias(const PackedWeight& bias) const;
  /// The same for one that changes: `scaled` has one element an output channel.
  void scale_bias(const float* bias, float* scaled) const;
  /// `x` of the context's type, n elements.
  void quantize(const void* x, std::size_t n, std::uint8_t* to) const;

 private:
  explicit Int8Input(const KernelContext& context);

  tensor::DType dtype_;
  graph::ByteScale input_;
  PackedWeight weight_scales_;
  /// Of input and weight together, by output channel.
  std::vector<float> scales_;
};

}  // namespace streamdiffusion::backend::cpu
