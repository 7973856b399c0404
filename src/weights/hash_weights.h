// Weights from a formula, so that goldens, benches and tests of any architecture need no stored
// weights. tools/goldens/hash_weights.py computes the same numbers, bit for bit.
//
// With n the tensor's name without a leading "text_model.", i the row-major index, all in unsigned
// 64-bit arithmetic:
//   h = FNV-1a(n);  z = h + (i + 1) * 0x9e3779b97f4a7c15
//   z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;  z = (z ^ z >> 27) * 0x94d049bb133111eb;  z ^= z >> 31
//   (splitmix64) u = ((z >> 40) * 2 + 1 - 2^24) * 2^-24                                   uniform
//   in (-1, 1), exact in f32 a name that ends in "bias":      u / 16 else, fewer than two
//   dimensions: 1 + u / 8                               (weights of norms) else: u * f32(sqrt(3.0 /
//   fan_in)),  fan_in = product of dims[1:]
// Only the last two round, once each, to f32: a multiplication and an addition that nobody can
// contract.
#pragma once

#include "weights/weight_source.h"

namespace streamdiffusion::weights {

class HashWeights : public WeightSource {
 public:
  bool has(std::string_view /*name*/) const override { return true; }
  void read_f32(std::string_view name, std::span<const std::int64_t> dims,
                std::span<float> out) const override;
  void release(std::string_view /*name*/) const override {}
  /// Nothing can be missing or mis-shaped; a name asked for twice is an internal error.
  void check(std::span<const TensorSpec> expected,
             std::span<const std::string_view> leftovers = {}) const override;
  std::uint64_t total_bytes() const override { return 0; }
};

}  // namespace streamdiffusion::weights
