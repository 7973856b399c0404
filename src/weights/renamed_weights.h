// The weights of one component inside a file that holds several, under other names: a tensor is
// read under the name that the file has for it, and where the file stores several as one, as its
// part of them.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weights/safetensors.h"
#include "weights/weight_source.h"

namespace streamdiffusion::weights {

/// Where a tensor is in a file.
struct StoredPart {
  std::string name;
  /// Which third of the rows; -1 for all of it.
  int third = -1;
  /// Stored as [in, out].
  bool transposed = false;
};

class RenamedWeights : public WeightSource {
 public:
  /// Where a tensor of current diffusers or transformers is, most likely place first.
  using Locate = std::function<std::vector<StoredPart>(std::string_view name)>;

  /// `prefix` begins the names of all the component's tensors in the file; `ignored` are patterns
  /// of those behind the prefix that no graph reads.
  RenamedWeights(std::shared_ptr<const SafetensorsFile> file, std::string prefix, Locate locate,
                 std::vector<std::string_view> ignored);

  bool has(std::string_view name) const override { return find(name).tensor != nullptr; }
  void read_f32(std::string_view name, std::span<const std::int64_t> dims,
                std::span<float> out) const override;
  void check(std::span<const TensorSpec> expected,
             std::span<const std::string_view> ignored = {}) const override;

 private:
  struct Found {
    const StoredTensor* tensor = nullptr;
    StoredPart part;
  };
  Found find(std::string_view name) const;
  /// Its dims as the component's own file would store them.
  static std::vector<std::int64_t> dims_of(const Found& found);

  std::shared_ptr<const SafetensorsFile> file_;
  std::string prefix_;
  Locate locate_;
  std::vector<std::string_view> ignored_;
  /// Behind the prefix.
  std::map<std::string, const StoredTensor*, std::less<>> tensors_;
};

}  // namespace streamdiffusion::weights
