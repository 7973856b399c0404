// The weights of one component folder in diffusers or transformers layout: one safetensors file, or
// shards with an index. Files stay open, and a tensor is read and
// converted when a program is compiled, which may be long after.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weights/safetensors.h"
#include "weights/weight_source.h"

namespace streamdiffusion::weights {

class WeightStore : public WeightSource {
 public:
  /// Opens the first that exists of BASE.safetensors.index.json and BASE.safetensors, then of their
  /// fp16 and bf16 variants, where BASE is diffusion_pytorch_model or model. A path to a
  /// .safetensors file opens that file. Throws not_found (the message says if there are only
  /// pickled weights), corrupt_file, unsupported or io.
  explicit WeightStore(const std::filesystem::path& folder_or_file);

  bool has(std::string_view name) const override { return find(name) != nullptr; }
  void read_f32(std::string_view name, std::span<const std::int64_t> dims,
                std::span<float> out) const override;
  void check(std::span<const TensorSpec> expected,
             std::span<const std::string_view> ignored = {}) const override;

  /// The tensor of this name or of an alternative name; nullptr if there is none.
  const StoredTensor* find(std::string_view name) const;
  /// What messages call this store: the path of the single file or of the index.
  const std::string& label() const { return label_; }
  /// Path of the file that holds a tensor of this store.
  std::string file_of(const StoredTensor& tensor) const;

 private:
  struct Entry {
    const StoredTensor* tensor = nullptr;
    const SafetensorsFile* file = nullptr;
  };

  void open_single(const std::filesystem::path& file);
  void open_shards(const std::filesystem::path& index);
  void add_file(const std::filesystem::path& path);
  const Entry* entry(std::string_view name) const;
  const Entry& required(std::string_view name) const;

  std::string label_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, Entry, std::less<>> tensors_;
};

/// True if the dims are equal or differ as [a, b] and [a, b, 1, 1] do, since a linear layer is a
/// 1x1 convolution.
bool same_dims(std::span<const std::int64_t> stored, std::span<const std::int64_t> expected);

}  // namespace streamdiffusion::weights
