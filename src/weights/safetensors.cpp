// The reader. Nothing in a file is trusted: every number is checked before it is used.
#include "weights/safetensors.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/half.h"
#include "base/join.h"
#include "json/json.h"
#include "json/quote.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using base::fail;
using base::require;
using tensor::DType;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the format
constexpr std::size_t kMaxRank = 16;

std::uint64_t little_endian_u64(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

DType dtype_of(const json::Json& text, const std::string& tensor) {
  const std::string& name = text.string();
  if (name == "F32") return DType::f32;
  if (name == "F16") return DType::f16;
  if (name == "BF16") return DType::bf16;
  if (name == "U8") return DType::u8;
  if (name == "I32") return DType::i32;
  if (name == "I64") return DType::i64;
  constexpr std::string_view others[] = {"BOOL", "I8",  "I16",     "U16",     "U32",    "U64",
                                         "F64",  "C64", "F8_E4M3", "F8_E5M2", "F8_E8M0"};
  if (std::find(std::begin(others), std::end(others), name) != std::end(others)) {
    fail(ErrorCode::unsupported, text.file(), ": tensor ", json::quote(tensor), " has dtype ", name,
         ", expected F32, F16, BF16, U8, I32 or I64");
  }
  text.refuse("a dtype of the safetensors format");
}

// Bytes of a contiguous tensor; nothing if the number overflows.
std::optional<std::uint64_t> contiguous_bytes(std::span<const std::int64_t> dims, DType dtype) {
  std::int64_t total = static_cast<std::int64_t>(size_of(dtype));
  for (const std::int64_t dim : dims) {
    if (__builtin_mul_overflow(total, dim, &total)) return std::nullopt;
  }
  return static_cast<std::uint64_t>(total);
}

TensorView tensor_of(std::string_view name, const json::Json& entry,
                     std::span<const std::byte> data) {
  TensorView out;
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
  require(begin <= end && end <= data.size(), ErrorCode::corrupt_file, at, "has data_offsets [",
          begin, ", ", end, "], the file has ", data.size(), " bytes of data");
  const auto bytes = contiguous_bytes(out.dims, out.dtype);
  require(bytes.has_value(), ErrorCode::corrupt_file, at, "has shape ", to_string(out.dims),
          ", whose size overflows");
  require(*bytes == end - begin, ErrorCode::corrupt_file, at, "holds ", end - begin, " bytes, ",
          to_string(out.dtype), " ", to_string(out.dims), " needs ", *bytes);
  out.bytes = data.subspan(begin, end - begin);
  return out;
}

// The tensors must tile the data: no byte twice, no byte unused.
void check_tiling(const std::vector<TensorView>& tensors, std::span<const std::byte> data,
                  const std::string& file) {
  std::vector<const TensorView*> order;
  order.reserve(tensors.size());
  for (const TensorView& t : tensors) order.push_back(&t);
  std::sort(order.begin(), order.end(), [](const TensorView* a, const TensorView* b) {
    const auto ends = [](const TensorView* t) {
      return std::pair(t->bytes.data(), t->bytes.data() + t->bytes.size());
    };
    return ends(a) < ends(b);
  });
  const std::byte* next = data.data();
  for (const TensorView* t : order) {
    const std::byte* begin = t->bytes.data();
    require(begin >= next, ErrorCode::corrupt_file, file, ": tensor ", json::quote(t->name),
            " overlaps the one before it by ", next - begin, " bytes");
    require(begin == next, ErrorCode::corrupt_file, file, ": ", begin - next,
            " bytes before tensor ", json::quote(t->name), " belong to no tensor");
    next = begin + t->bytes.size();
  }
  const std::byte* end = data.data() + data.size();
  require(next == end, ErrorCode::corrupt_file, file, ": ", end - next,
          " bytes after the last tensor belong to no tensor");
}

template <typename Element, typename Convert>
void convert(std::span<const std::byte> bytes, std::span<float> out, Convert to_float) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    out[i] = to_float(element);
  }
}

}  // namespace

std::string to_string(std::span<const std::int64_t> dims) {
  return '[' + base::joined(dims) + ']';
}

std::vector<TensorView> parse_safetensors(std::span<const std::byte> file_bytes,
                                          const std::string& file) {
  require(file_bytes.size() >= 8, ErrorCode::corrupt_file, file, ": ", file_bytes.size(),
          " bytes are too few for a safetensors file");
  const std::uint64_t header = little_endian_u64(file_bytes);
  require(header <= kMaxHeaderBytes, ErrorCode::corrupt_file, file, ": header of ", header,
          " bytes, expected at most ", kMaxHeaderBytes, " (is this a safetensors file?)");
  require(header <= file_bytes.size() - 8, ErrorCode::corrupt_file, file, ": header of ", header,
          " bytes in a file of ", file_bytes.size(), " (cut short?)");
  const auto text = file_bytes.subspan(8, header);
  const auto data = file_bytes.subspan(8 + header);
  const json::Json root =
      json::Json::parse({reinterpret_cast<const char*>(text.data()), text.size()}, file,
                        {.bytes = kMaxHeaderBytes, .values = 2'000'000, .depth = 8});
  if (!root.is(json::Json::Kind::object)) root.refuse("an object of tensors");
  std::vector<TensorView> tensors;
  tensors.reserve(root.size());
  for (std::size_t i = 0; i < root.size(); ++i) {
    const auto [name, entry] = root.member(i);
    if (name != "__metadata__") tensors.push_back(tensor_of(name, entry, data));
  }
  check_tiling(tensors, data, file);
  return tensors;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path), tensors_(parse_safetensors(file_.bytes(), path.string())) {}

void to_f32(const TensorView& tensor, std::span<float> out, const std::string& file) {
  require(out.size() == static_cast<std::size_t>(tensor.elements()), ErrorCode::internal, file,
          ": tensor ", json::quote(tensor.name), " has ", tensor.elements(),
          " elements, but there is room for ", out.size());
  switch (tensor.dtype) {
    case DType::f32:
      if (!out.empty()) std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
      return;
    case DType::bf16:
      return convert<std::uint16_t>(tensor.bytes, out, base::bf16_to_f32);
    case DType::f16:
      return convert<std::uint16_t>(tensor.bytes, out, base::f16_to_f32);
    default:
      fail(ErrorCode::unsupported, file, ": tensor ", json::quote(tensor.name), " is ",
           to_string(tensor.dtype), ", expected F32, F16 or BF16");
  }
}

}  // namespace streamdiffusion::weights
