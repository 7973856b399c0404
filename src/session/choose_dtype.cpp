#include "session/choose_dtype.h"

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/join.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::session {
namespace {

/// The type of activations; nothing if the choice leaves it to the device.
std::optional<tensor::DType> named(DataType wanted) {
  switch (wanted) {
    case DataType::f32:
      return tensor::DType::f32;
    case DataType::bf16:
      return tensor::DType::bf16;
    case DataType::f16:
      return tensor::DType::f16;
    case DataType::automatic:
    case DataType::int8:
      break;
  }
  return std::nullopt;
}

bool runs(DataType wanted, const backend::Device& device) {
  if (wanted == DataType::int8) return device.supports_int8();
  const std::optional<tensor::DType> dtype = named(wanted);
  return !dtype || device.supports(*dtype);
}

/// The words for what the device runs.
std::vector<std::string> words_of(const backend::Device& device) {
  std::vector<std::string> words;
  for (const auto& [word, choice] : kDataTypes)
    if (runs(choice, device)) words.push_back(word);
  return words;
}

}  // namespace

tensor::DType choose_dtype(DataType wanted, const backend::Device& device) {
  base::require(runs(wanted, device), base::ErrorCode::unsupported, "dtype ",
                name_of(kDataTypes, wanted), ": the ", device.name(), " device (",
                device.description(), ") has no such arithmetic",
                wanted == DataType::int8 ? ", which needs VNNI of a processor" : "",
                ", expected one of ", base::joined(words_of(device)));
  return named(wanted).value_or(device.preferred_dtype());
}

}  // namespace streamdiffusion::session
