// The safetensors format: a u64 header length, a JSON header {name: {dtype, shape, data_offsets}},
// and raw little-endian data. The whole header is validated once, at open. So the bytes of a
// StoredTensor can be read without further checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/input_file.h"
#include "tensor/tensor.h"
#include "weights/stored_type.h"

namespace streamdiffusion::weights {

/// A tensor inside a file: row major, contiguous, at any alignment.
struct StoredTensor {
  std::string name;
  StoredType dtype = StoredType::f32;
  /// Empty for a scalar.
  std::vector<std::int64_t> dims;
  /// In bytes, from the beginning of the file.
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;

  std::int64_t elements() const { return static_cast<std::int64_t>(bytes / size_of(dtype)); }
};

/// "[320, 4, 3, 3]"
std::string to_string(std::span<const std::int64_t> dims);

/// Validates the header of a file and returns its tensors, sorted by name. `beginning` is all of
/// the file or as much as holds the header; `file_bytes` is the size of the file and `file` the
/// name that messages use. Throws corrupt_file for a header longer than the file or 100 MB, a
/// header of another format, an offset outside the data, a size other than shape x dtype, two
/// tensors that share bytes, and bytes that belong to no tensor. Throws unsupported for a dtype
/// that this library does not know (F4, F8_E4M3FNUZ, ...).
std::vector<StoredTensor> parse_safetensors(std::span<const std::byte> beginning,
                                            std::uint64_t file_bytes, const std::string& file);

/// The "__metadata__" of a header that parse_safetensors() accepts: texts that its writer left.
/// Throws corrupt_file for anything but texts.
std::map<std::string, std::string> parse_metadata(std::span<const std::byte> beginning,
                                                  std::uint64_t file_bytes,
                                                  const std::string& file);

/// Whether a file's name ends as those of pickled weights do: .ckpt, .pt, .pth, .bin.
bool is_pickle_name(const std::filesystem::path& file);

/// The path, if it looks like a safetensors file. Throws not_found if there is no such file, and
/// unsupported for a pickle (.ckpt, .pt, .pth, .bin, or bytes that begin as one does): it can run
/// any code when it is read. The message says what to do instead.
std::filesystem::path require_safetensors(const std::filesystem::path& file);

/// A validated file, open for reading its tensors.
class SafetensorsFile {
 public:
  /// Throws not_found, io, corrupt_file or unsupported.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  /// Sorted by name; valid while this object lives.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  /// The tensor of that name; nullptr if there is none.
  const StoredTensor* find(std::string_view name) const;
  /// Reads a tensor and converts its floats, of any size, to f32; out.size() must be elements().
  /// Throws unsupported for other types, and io if the file has changed since it was opened.
  void read_f32(const StoredTensor& tensor, std::span<float> out) const;
  /// The same. Throws corrupt_file for a value that is not finite.
  void read_finite_f32(const StoredTensor& tensor, std::span<float> out) const;
  /// The one number of a tensor of any type. Throws corrupt_file for more or fewer than one, and
  /// for one that is not finite; unsupported for a complex one; io as read_f32().
  double read_number(const StoredTensor& tensor) const;
  /// Read anew with each call; see parse_metadata().
  std::map<std::string, std::string> metadata() const;

 private:
  const base::InputFile file_;
  const std::vector<StoredTensor> tensors_;
};

/// Converts floats of any size; `bytes` holds out.size() of them. Throws unsupported for other
/// types. `tensor` is whose they are and `file` the name that messages use.
void to_f32(const StoredTensor& tensor, std::span<const std::byte> bytes, std::span<float> out,
            const std::string& file);

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
void write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace streamdiffusion::weights
