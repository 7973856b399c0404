// Weights computed from a formula, so that goldens, benchmarks and tests of any architecture need
// no stored weights. tools/goldens/hash_weights.py computes the same numbers, bit for bit.
//
// Let n be the tensor's name without a leading "text_model." and i the row-major index. In u64:
//   h = FNV-1a(n)
//   z = splitmix64's output function of h + (i + 1) * 0x9e3779b97f4a7c15:
//     z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9
//     z = (z ^ z >> 27) * 0x94d049bb133111eb
//     z =  z ^ z >> 31
//   u = ((z >> 40) * 2 + 1 - 2^24) * 2^-24        uniform in (-1, 1), exact in f32
// The weight is
//   u / 16                                        if the name ends in "bias"
//   1 + u / 8                                     if it has fewer than two dimensions (norms)
//   u * f32(sqrt(3 / fan_in))                     otherwise; fan_in = product of dims[1:]
// Only the last two forms round, once each, to f32. No compiler may contract them to an FMA.
#pragma once

#include "weights/weight_source.h"

namespace streamdiffusion::weights {

class HashWeights : public WeightSource {
 public:
  /// True for every name.
  bool has(std::string_view /*name*/) const override { return true; }
  void read_f32(std::string_view name, std::span<const std::int64_t> dims,
                std::span<float> out) const override;
  /// Every tensor exists in every shape. A name that is expected twice is an internal error.
  void check(std::span<const TensorSpec> expected,
             std::span<const std::string_view> ignored = {}) const override;
};

}  // namespace streamdiffusion::weights
