// safetensors: u64 header length, a JSON header {name: {dtype, shape, data_offsets}}, raw
// little-endian data. The whole header is validated once, at open, so that whoever holds a
// TensorView may read its bytes unchecked.
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

/// A tensor inside a file; row major, contiguous, at any alignment.
struct TensorView {
  std::string name;
  tensor::DType dtype = tensor::DType::f32;
  /// empty for a scalar
  std::vector<std::int64_t> dims;
  /// into the file
  std::span<const std::byte> bytes;

  std::int64_t elements() const { return static_cast<std::int64_t>(bytes.size() / size_of(dtype)); }
};

/// "[320, 4, 3, 3]"
std::string to_string(std::span<const std::int64_t> dims);

/// Validates the image of a whole file and lists its tensors, sorted by name. Refused with
/// corrupt_file: a header longer than the file or 100 MB, JSON that is not this format, an offset
/// outside the data, a size that is not shape x dtype, two tensors on the same bytes, bytes that
/// belong to no tensor. A dtype that this library does not read (F64, BOOL, ...) is refused with
/// unsupported. `file` is the name that messages use.
std::vector<TensorView> parse_safetensors(std::span<const std::byte> image,
                                          const std::string& file);

/// A mapped and validated file.
class SafetensorsFile {
 public:
  /// Throws not_found, io, corrupt_file or unsupported.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  const std::vector<TensorView>& tensors() const { return tensors_; }
  /// nullptr when there is no such tensor.
  const TensorView* find(std::string_view name) const;
  /// Lets the kernel drop the tensor's pages; reading it again is allowed.
  void release(const TensorView& tensor) const { file_.release(tensor.bytes); }

 private:
  base::MmapFile file_;
  std::vector<TensorView> tensors_;
};

/// Converts f32, f16 or bf16 elements to f32; out.size() must be elements(). Other types:
/// unsupported. `file` is for the message.
void to_f32(const TensorView& tensor, std::span<float> out, const std::string& file);

struct TensorToWrite {
  std::string name;
  std::vector<std::int64_t> dims;
  std::vector<float> values;
  /// f32 or bf16 (rounded to nearest even)
  tensor::DType dtype = tensor::DType::f32;
};

/// Writes a file in the order given, data aligned to 8 bytes. Throws invalid_argument or io.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors);

}  // namespace streamdiffusion::weights
