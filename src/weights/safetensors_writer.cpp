// Writes safetensors files, for tests. The header is padded with spaces, as the format allows, so
// that the data starts at a multiple of 8 bytes.
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/half.h"
#include "json/quote.h"
#include "weights/safetensors.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using base::require;
using tensor::DType;

std::string header_of(std::span<const TensorToWrite> tensors,
                      const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const TensorToWrite& t : tensors) {
    std::int64_t elements = 1;
    for (const std::int64_t dim : t.dims) elements *= dim;
    require(static_cast<std::size_t>(elements) == t.values.size(), ErrorCode::invalid_argument,
            "tensor ", json::quote(t.name), " is ", to_string(t.dims), " but has ", t.values.size(),
            " values");
    require(t.dtype == DType::f32 || t.dtype == DType::bf16, ErrorCode::invalid_argument, "tensor ",
            json::quote(t.name), ": cannot write ", to_string(t.dtype), ", only f32 and bf16");
    require(!header.contains(t.name), ErrorCode::invalid_argument, "tensor ", json::quote(t.name),
            " appears twice");
    const std::uint64_t end = offset + t.values.size() * size_of(t.dtype);
    header[t.name] = {{"dtype", t.dtype == DType::f32 ? "F32" : "BF16"},
                      {"shape", t.dims},
                      {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

std::vector<std::uint16_t> as_bf16(std::span<const float> values) {
  std::vector<std::uint16_t> out(values.size());
  std::transform(values.begin(), values.end(), out.begin(), base::f32_to_bf16);
  return out;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string header = header_of(tensors, metadata);
  base::FileWriter out(path, base::Durability::always);
  std::string length;
  for (std::size_t i = 0; i < 8; ++i) length += static_cast<char>(header.size() >> (8 * i));
  out.write(length + header);
  for (const TensorToWrite& t : tensors) {
    if (t.dtype == DType::f32) {
      out.write(std::as_bytes(std::span(t.values)));
    } else {
      const std::vector<std::uint16_t> halves = as_bf16(t.values);
      out.write(std::as_bytes(std::span(halves)));
    }
  }
  out.finish();
}

}  // namespace streamdiffusion::weights
