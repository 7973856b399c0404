// Where a model's numbers come from: a folder on disk (WeightStore) or a formula (HashWeights). A
// graph asks by the tensor names of today's diffusers and transformers; older spellings are the
// source's affair.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace streamdiffusion::weights {

using tensor::TensorSpec;

/// Patterns of stored tensors that no graph reads and nobody misses: "*" stands for anything, at
/// one end or both.
std::span<const std::string_view> known_leftovers();

class WeightSource {
 public:
  virtual ~WeightSource() = default;

  /// True when a tensor of this name (or an older spelling of it) can be read.
  virtual bool has(std::string_view name) const = 0;

  /// Writes the tensor into `out`, as f32, row major; out.size() is the product of `dims`. Throws
  /// not_found, corrupt_file (other dims; [a, b] and [a, b, 1, 1] are the same) or unsupported (no
  /// floating-point type).
  virtual void read_f32(std::string_view name, std::span<const std::int64_t> dims,
                        std::span<float> out) const = 0;

  /// The tensor will not be read soon: its memory may go. Reading it again is allowed.
  virtual void release(std::string_view name) const = 0;

  /// Compares what a graph is going to read with what is there. Throws one corrupt_file error that
  /// lists every missing, unexpected and mis-shaped tensor; a name asked for twice is an internal
  /// error. `leftovers` are patterns allowed to remain in addition to known_leftovers().
  virtual void check(std::span<const TensorSpec> expected,
                     std::span<const std::string_view> leftovers = {}) const = 0;

  /// Bytes of all tensors as stored; 0 when nothing is stored.
  virtual std::uint64_t total_bytes() const = 0;
};

}  // namespace streamdiffusion::weights
