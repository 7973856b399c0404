// Where a model's weights come from: a folder on disk (WeightStore) or a formula (HashWeights). A
// graph asks by the tensor names of current diffusers and transformers. A source also finds tensors
// under their older names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace streamdiffusion::weights {

using tensor::TensorSpec;

/// Patterns of stored tensors that are never an error, though no graph reads them (transformers'
/// _keys_to_ignore_on_load_unexpected). A pattern may begin or end with "*".
std::span<const std::string_view> default_ignored();

class WeightSource {
 public:
  virtual ~WeightSource() = default;

  /// True if a tensor of this name, or of an older name for it, can be read.
  virtual bool has(std::string_view name) const = 0;

  /// Writes the tensor to `out` as f32, row major; out.size() must be the product of `dims`. Throws
  /// not_found, corrupt_file (other dims, where [a, b] equals [a, b, 1, 1], or a value that is not
  /// finite), unsupported (not a floating-point type), or io (the file was changed meanwhile).
  virtual void read_f32(std::string_view name, std::span<const std::int64_t> dims,
                        std::span<float> out) const = 0;

  /// Compares the tensors that graphs read with those that exist. Throws one corrupt_file error
  /// that lists every missing and unexpected tensor and every wrong shape or type; a name that is
  /// expected twice is an internal error. Tensors that match a pattern of `ignored` or
  /// default_ignored() are never unexpected.
  virtual void check(std::span<const TensorSpec> expected,
                     std::span<const std::string_view> ignored = {}) const = 0;
};

}  // namespace streamdiffusion::weights
