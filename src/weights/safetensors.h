// The safetensors format: a u64 header length, a JSON header {name: {dtype, shape, data_offsets}},
// and raw little-endian data. The whole header is validated once, at open. So the bytes of a
// TensorView can be read without further checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mmap_file.h"
#include "tensor/tensor.h"

namespace streamdiffusion::weights {

/// A tensor inside a file: row major, contiguous, at any alignment.
struct TensorView {
  std::string name;
  tensor::DType dtype = tensor::DType::f32;
  /// Empty for a scalar.
  std::vector<std::int64_t> dims;
  /// Points into the file.
  std::span<const std::byte> bytes;

  std::int64_t elements() const { return static_cast<std::int64_t>(bytes.size() / size_of(dtype)); }
};

/// "[320, 4, 3, 3]"
std::string to_string(std::span<const std::int64_t> dims);

/// Validates the bytes of a whole file and returns its tensors, sorted by name. `file` is the name
/// that messages use. Throws corrupt_file for a header longer than the file or 100 MB, a header of
/// another format, an offset outside the data, a size other than shape x dtype, two tensors that
/// share bytes, and bytes that belong to no tensor. Throws unsupported for a dtype that this
/// library does not read (F64, BOOL, ...).
std::vector<TensorView> parse_safetensors(std::span<const std::byte> file_bytes,
                                          const std::string& file);

/// A memory-mapped and validated file.
class SafetensorsFile {
 public:
  /// Throws not_found, io, corrupt_file or unsupported.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  /// Sorted by name; valid while this object lives.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  /// Lets the kernel drop the tensor's pages. Reading it again is allowed.
  void release(const TensorView& tensor) const { file_.release(tensor.bytes); }

 private:
  base::MmapFile file_;
  std::vector<TensorView> tensors_;
};

/// Converts f32, f16 or bf16 elements to f32; out.size() must be elements(). Throws unsupported for
/// other types. `file` is the name that messages use.
void to_f32(const TensorView& tensor, std::span<float> out, const std::string& file);

/// A tensor for write_safetensors(): `values` is row major and fills `dims`.
struct TensorToWrite {
  std::string name;
  std::vector<std::int64_t> dims;
  std::vector<float> values;
  /// f32, or bf16 (rounded to nearest even).
  tensor::DType dtype = tensor::DType::f32;
};

/// Writes the tensors in this order, with the data aligned to 8 bytes. Throws invalid_argument if a
/// name appears twice or values do not fill dims, and io.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors);

}  // namespace streamdiffusion::weights
