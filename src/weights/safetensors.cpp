// The reader. Nothing in a file is trusted: every number is checked before it is used.
#include "weights/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/float8.h"
#include "base/git_lfs.h"
#include "base/half.h"
#include "base/input_file.h"
#include "base/join.h"
#include "json/json.h"
#include "json/quote.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using base::fail;
using base::require;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the format
constexpr std::uint64_t kPrefixBytes = 8;
constexpr std::size_t kMaxRank = 16;
/// Read and converted at a time: fits the second cache.
constexpr std::uint64_t kPartBytes = 256 * 1024;
constexpr std::array<float, 256> kE4m3 = base::float8_values(base::f8_e4m3_to_f32),
                                 kE5m2 = base::float8_values(base::f8_e5m2_to_f32);

std::uint64_t little_endian_u64(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

StoredType dtype_of(const json::Json& text, const std::string& tensor) {
  const std::string& name = text.string();
  for (const StoredType type : kStoredTypes) {
    if (name == to_string(type)) return type;
  }
  constexpr std::string_view others[] = {"F4", "F6_E2M3", "F6_E3M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"};
  if (std::find(std::begin(others), std::end(others), name) != std::end(others)) {
    fail(ErrorCode::unsupported, text.file(), ": tensor ", json::quote(tensor), " has dtype ", name,
         ", expected F32, F16, BF16, F8_E4M3 or F8_E5M2");
  }
  text.refuse("a dtype of the safetensors format");
}

// Bytes of a contiguous tensor; nothing if the number overflows.
std::optional<std::uint64_t> contiguous_bytes(std::span<const std::int64_t> dims,
                                              StoredType dtype) {
  std::int64_t total = static_cast<std::int64_t>(size_of(dtype));
  for (const std::int64_t dim : dims) {
    if (__builtin_mul_overflow(total, dim, &total)) return std::nullopt;
  }
  return static_cast<std::uint64_t>(total);
}

/// `data` is where the file's data begins, and `size` how much there is.
StoredTensor tensor_of(std::string_view name, const json::Json& entry, std::uint64_t data,
                       std::uint64_t size) {
  StoredTensor out;
  out.name = name;
  entry.allow_only({"dtype", "shape", "data_offsets"});
  out.dtype = dtype_of(entry.at("dtype"), out.name);
  const json::Json shape = entry.at("shape");
  out.dims = shape.integers(0);
  if (out.dims.size() > kMaxRank) shape.refuse(base::concat("at most ", kMaxRank, " dimensions"));
  const json::Json offsets = entry.at("data_offsets");
  const std::vector<std::int64_t> range = offsets.integers(0);
  if (range.size() != 2) offsets.refuse("[begin, end]");
  const auto begin = static_cast<std::uint64_t>(range[0]);
  const auto end = static_cast<std::uint64_t>(range[1]);
  const std::string at = base::concat(entry.file(), ": tensor ", json::quote(name), " ");
  require(begin <= end && end <= size, ErrorCode::corrupt_file, at, "has data_offsets [", begin,
          ", ", end, "], the file has ", size, " bytes of data");
  const auto bytes = contiguous_bytes(out.dims, out.dtype);
  require(bytes.has_value(), ErrorCode::corrupt_file, at, "has shape ", to_string(out.dims),
          ", whose size overflows");
  require(*bytes == end - begin, ErrorCode::corrupt_file, at, "holds ", end - begin, " bytes, ",
          to_string(out.dtype), " ", to_string(out.dims), " needs ", *bytes);
  out.offset = data + begin;
  out.bytes = end - begin;
  return out;
}

// The tensors must tile the data, from `begin` to `end`: no byte twice, no byte unused.
void check_tiling(const std::vector<StoredTensor>& tensors, std::uint64_t begin, std::uint64_t end,
                  const std::string& file) {
  std::vector<const StoredTensor*> order;
  order.reserve(tensors.size());
  for (const StoredTensor& t : tensors) order.push_back(&t);
  std::ranges::sort(
      order, {}, [](const StoredTensor* t) { return std::pair(t->offset, t->offset + t->bytes); });
  std::uint64_t next = begin;
  for (const StoredTensor* t : order) {
    require(t->offset >= next, ErrorCode::corrupt_file, file, ": tensor ", json::quote(t->name),
            " overlaps the one before it by ", next - t->offset, " bytes");
    require(t->offset == next, ErrorCode::corrupt_file, file, ": ", t->offset - next,
            " bytes before tensor ", json::quote(t->name), " belong to no tensor");
    next = t->offset + t->bytes;
  }
  require(next == end, ErrorCode::corrupt_file, file, ": ", end - next,
          " bytes after the last tensor belong to no tensor");
}

/// By its first bytes; empty if it is none that is known.
std::string_view other_format(std::span<const std::byte> beginning) {
  const std::string_view text(reinterpret_cast<const char*>(beginning.data()), beginning.size());
  if (text.starts_with("GGUF")) return "a GGUF file, whose quantized weights are not read";
  constexpr char kProtocol = '\x80', kOldest = 2, kNewest = 5;
  const bool pickle =
      text.size() > 1 && text[0] == kProtocol && text[1] >= kOldest && text[1] <= kNewest;
  // PyTorch writes a zip archive with a pickle in it, and before 1.6 a pickle.
  if (pickle || text.starts_with("PK\3\4")) {
    return "a pickle, which can run any code when it is read";
  }
  if (text.starts_with("\x89HDF")) return "an HDF5 file of Keras";
  if (text.starts_with("<")) return "a web page";
  return "";
}

/// A size of a header that cannot be.
[[noreturn]] void fail_other_format(std::span<const std::byte> beginning, std::uint64_t header,
                                    const std::string& file) {
  const std::string_view format = other_format(beginning);
  require(format.empty(), ErrorCode::unsupported, file, ": ", format,
          "; expected a .safetensors file (most publishers offer one beside it)");
  fail(ErrorCode::corrupt_file, file,
       ": no safetensors file: it begins with the size of its header, which would be ", header,
       " bytes, expected at most ", kMaxHeaderBytes);
}

std::uint64_t header_bytes(std::span<const std::byte> beginning, std::uint64_t file_bytes,
                           const std::string& file) {
  require(file_bytes >= kPrefixBytes, ErrorCode::corrupt_file, file, ": ", file_bytes,
          " bytes are too few for a safetensors file");
  base::refuse_lfs_pointer(beginning, file);
  const std::uint64_t header = little_endian_u64(beginning);
  if (header > kMaxHeaderBytes) fail_other_format(beginning, header, file);
  require(header <= file_bytes - kPrefixBytes, ErrorCode::corrupt_file, file, ": header of ",
          header, " bytes in a file of ", file_bytes, " (cut short?)");
  return header;
}

/// As much of a file as holds its header.
std::vector<std::byte> read_beginning(const base::InputFile& file) {
  constexpr std::uint64_t kTelling = 64;  // bytes that tell a pointer of Git LFS
  std::vector<std::byte> beginning(std::min<std::uint64_t>(file.size(), kTelling));
  file.read(0, beginning);
  beginning.resize(kPrefixBytes + header_bytes(beginning, file.size(), file.path().string()));
  file.read(0, beginning);
  return beginning;
}

json::Json parse_header(std::span<const std::byte> text, const std::string& file) {
  json::Json root =
      json::Json::parse({reinterpret_cast<const char*>(text.data()), text.size()}, file,
                        {.bytes = kMaxHeaderBytes, .values = 2'000'000, .depth = 8});
  if (!root.is(json::Json::Kind::object)) root.refuse("an object of tensors");
  return root;
}

template <typename Element, typename Convert>
void convert(std::span<const std::byte> bytes, std::span<float> out, Convert to_float) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    out[i] = to_float(element);
  }
}

template <typename Number>
double number_in(std::span<const std::byte> bytes) {
  Number number;
  std::memcpy(&number, bytes.data(), sizeof number);
  return static_cast<double>(number);
}

/// The value of one element of a type that no weights have.
double number_of(const StoredTensor& tensor, std::span<const std::byte> bytes,
                 const std::string& file) {
  switch (tensor.dtype) {
    case StoredType::f64:
      return number_in<double>(bytes);
    case StoredType::f8_e8m0: {  // a power of two
      const int code = number_in<std::uint8_t>(bytes);
      return code == 255 ? std::nan("") : std::ldexp(1.0, code - 127);
    }
    case StoredType::u8:
    case StoredType::boolean:
      return number_in<std::uint8_t>(bytes);
    case StoredType::i8:
      return number_in<std::int8_t>(bytes);
    case StoredType::u16:
      return number_in<std::uint16_t>(bytes);
    case StoredType::i16:
      return number_in<std::int16_t>(bytes);
    case StoredType::u32:
      return number_in<std::uint32_t>(bytes);
    case StoredType::i32:
      return number_in<std::int32_t>(bytes);
    case StoredType::u64:
      return number_in<std::uint64_t>(bytes);
    case StoredType::i64:
      return number_in<std::int64_t>(bytes);
    default:
      fail(ErrorCode::unsupported, file, ": tensor ", json::quote(tensor.name), " is ",
           to_string(tensor.dtype), ", expected a real number");
  }
}

}  // namespace

std::string to_string(std::span<const std::int64_t> dims) {
  return '[' + base::joined(dims) + ']';
}

std::vector<StoredTensor> parse_safetensors(std::span<const std::byte> beginning,
                                            std::uint64_t file_bytes, const std::string& file) {
  const std::uint64_t header = header_bytes(beginning, file_bytes, file);
  const std::uint64_t data = kPrefixBytes + header;
  const json::Json root = parse_header(beginning.subspan(kPrefixBytes, header), file);
  std::vector<StoredTensor> tensors;
  tensors.reserve(root.size());
  for (std::size_t i = 0; i < root.size(); ++i) {
    const auto [name, entry] = root.member(i);
    if (name != "__metadata__") tensors.push_back(tensor_of(name, entry, data, file_bytes - data));
  }
  check_tiling(tensors, data, file_bytes, file);
  return tensors;
}

std::map<std::string, std::string> parse_metadata(std::span<const std::byte> beginning,
                                                  std::uint64_t file_bytes,
                                                  const std::string& file) {
  const std::uint64_t header = header_bytes(beginning, file_bytes, file);
  std::map<std::string, std::string> texts;
  const auto metadata =
      parse_header(beginning.subspan(kPrefixBytes, header), file).find("__metadata__");
  if (!metadata) return texts;
  if (!metadata->is(json::Json::Kind::object)) metadata->refuse("an object of texts");
  for (std::size_t i = 0; i < metadata->size(); ++i) {
    const auto [key, value] = metadata->member(i);
    texts.emplace(key, value.string());
  }
  return texts;
}

bool is_pickle_name(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 4> kExtensions{".bin", ".ckpt", ".pt", ".pth"};
  return std::ranges::find(kExtensions, file.extension()) != kExtensions.end();
}

std::filesystem::path require_safetensors(const std::filesystem::path& path) {
  std::error_code ignored;
  require(std::filesystem::exists(path, ignored), ErrorCode::not_found, path.string(),
          ": no such file");
  require(base::is_file(path), ErrorCode::not_found, path.string(),
          ": is no regular file, expected a .safetensors file");
  const base::InputFile file(path);
  std::array<std::byte, 4> first{};
  if (file.size() >= first.size()) file.read(0, first);
  // PyTorch writes a zip archive with a pickle in it, and before 1.6 a pickle of protocol 2.
  const bool zip = first == std::array{std::byte{'P'}, std::byte{'K'}, std::byte{3}, std::byte{4}};
  const bool pickle =
      first[0] == std::byte{0x80} && first[1] == std::byte{2} && path.extension() != ".safetensors";
  require(!zip && !pickle && !is_pickle_name(path), ErrorCode::unsupported, path.string(),
          ": a pickle, which can run any code when it is read; expected a .safetensors file "
          "(most publishers offer one beside it)");
  return path;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path),
      tensors_(parse_safetensors(read_beginning(file_), file_.size(), path.string())) {}

const StoredTensor* SafetensorsFile::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(tensors_, name, {}, &StoredTensor::name);
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

void SafetensorsFile::read_f32(const StoredTensor& tensor, std::span<float> out) const {
  const std::string name = path().string();
  require(out.size() == static_cast<std::size_t>(tensor.elements()), ErrorCode::internal, name,
          ": tensor ", json::quote(tensor.name), " has ", tensor.elements(),
          " elements, but the output holds ", out.size());
  if (tensor.dtype == StoredType::f32)
    return file_.read(tensor.offset, std::as_writable_bytes(out));
  const std::size_t size = size_of(tensor.dtype);
  std::vector<std::byte> part(std::min<std::uint64_t>(kPartBytes, tensor.bytes));
  for (std::size_t done = 0; done < out.size();) {
    const std::size_t count = std::min(out.size() - done, part.size() / size);
    const std::span<std::byte> bytes(part.data(), count * size);
    file_.read(tensor.offset + done * size, bytes);
    to_f32(tensor, bytes, out.subspan(done, count), name);
    done += count;
  }
}

void SafetensorsFile::read_finite_f32(const StoredTensor& tensor, std::span<float> out) const {
  read_f32(tensor, out);
  // One vectorized pass: the largest magnitude, as an integer, tells whether all are finite.
  std::uint32_t largest = 0;
  for (const float v : out)
    largest = std::max(largest, std::bit_cast<std::uint32_t>(v) & 0x7fffffffU);
  if (largest < 0x7f800000U) return;
  const auto at = std::find_if(out.begin(), out.end(), [](float v) { return !std::isfinite(v); });
  fail(ErrorCode::corrupt_file, path().string(), ": tensor ", json::quote(tensor.name), " holds ",
       *at, " at element ", at - out.begin(), ", expected finite numbers");
}

double SafetensorsFile::read_number(const StoredTensor& tensor) const {
  const std::string name = path().string();
  require(tensor.elements() == 1, ErrorCode::corrupt_file, name, ": tensor ",
          json::quote(tensor.name), " is ", to_string(tensor.dims), ", expected one number");
  double value = 0;
  if (is_of_weights(tensor.dtype)) {
    float narrow = 0;
    read_f32(tensor, {&narrow, 1});
    value = narrow;
  } else {
    std::array<std::byte, 8> bytes{};
    file_.read(tensor.offset, std::span(bytes).first(tensor.bytes));
    value = number_of(tensor, bytes, name);
  }
  require(std::isfinite(value), ErrorCode::corrupt_file, name, ": tensor ",
          json::quote(tensor.name), " is ", value, ", expected a finite number");
  return value;
}

std::map<std::string, std::string> SafetensorsFile::metadata() const {
  return parse_metadata(read_beginning(file_), file_.size(), path().string());
}

void to_f32(const StoredTensor& tensor, std::span<const std::byte> bytes, std::span<float> out,
            const std::string& file) {
  switch (tensor.dtype) {
    case StoredType::f32:
      if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
      return;
    case StoredType::bf16:
      return convert<std::uint16_t>(bytes, out,
                                    [](std::uint16_t bits) { return base::bf16_to_f32(bits); });
    case StoredType::f16:
      return convert<std::uint16_t>(bytes, out,
                                    [](std::uint16_t bits) { return base::f16_to_f32(bits); });
    case StoredType::f8_e4m3:
      return convert<std::uint8_t>(bytes, out, [](std::uint8_t code) { return kE4m3[code]; });
    case StoredType::f8_e5m2:
      return convert<std::uint8_t>(bytes, out, [](std::uint8_t code) { return kE5m2[code]; });
    default:
      fail(ErrorCode::unsupported, file, ": tensor ", json::quote(tensor.name), " is ",
           to_string(tensor.dtype), ", expected F32, F16, BF16, F8_E4M3 or F8_E5M2");
  }
}

}  // namespace streamdiffusion::weights
