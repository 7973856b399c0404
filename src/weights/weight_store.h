// The tensors of one component folder in diffusers or transformers layout: one safetensors file or
// a set of shards with an index. Nothing is copied: files stay mapped, and a tensor is converted
// when it is read.
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
  /// Opens, in this order of preference and with the base names diffusion_pytorch_model and model:
  /// BASE.safetensors.index.json, BASE.safetensors, then the variants fp16 and bf16 of both. A path
  /// to a .safetensors file opens that file. Throws not_found (says so when only pickled weights
  /// are there), corrupt_file, unsupported or io.
  explicit WeightStore(const std::filesystem::path& folder_or_file);

  bool has(std::string_view name) const override { return find(name) != nullptr; }
  void read_f32(std::string_view name, std::span<const std::int64_t> dims,
                std::span<float> out) const override;
  void release(std::string_view name) const override;
  void check(std::span<const TensorSpec> expected,
             std::span<const std::string_view> leftovers = {}) const override;
  std::uint64_t total_bytes() const override;

  /// The tensor of this name or of an older spelling of it; nullptr when there is none.
  const TensorView* find(std::string_view name) const;
  /// Names as stored, sorted.
  std::vector<std::string> names() const;
  /// The file that messages about this store name: the single file or the index.
  const std::string& label() const { return label_; }
  /// The file that holds a tensor of this store.
  std::string file_of(const TensorView& tensor) const;

 private:
  struct Entry {
    const TensorView* tensor = nullptr;
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

/// True when stored dims serve a request: equal, or [a, b] against [a, b, 1, 1] (a linear layer is
/// a 1x1 convolution).
bool same_dims(std::span<const std::int64_t> stored, std::span<const std::int64_t> wanted);

}  // namespace streamdiffusion::weights
