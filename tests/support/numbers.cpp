#include "support/numbers.h"

#include <cmath>

#include "base/half.h"
#include "base/hash.h"

namespace streamdiffusion::backend::test {

using tensor::DType;

double uniform(std::string_view name, std::int64_t index) {
  std::uint64_t z = base::fnv1a(name) +
                    (static_cast<std::uint64_t>(index) + 1) * 0x9e3779b97f4a7c15U;  // splitmix64
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  z ^= z >> 31;
  return static_cast<double>(static_cast<std::int64_t>(z >> 40) * 2 + 1 - (1 << 24)) * 0x1p-24;
}

float rounded(float value, DType dtype) {
  if (dtype == DType::bf16) return base::bf16_to_f32(base::f32_to_bf16(value));
  if (dtype == DType::f16) return base::f16_to_f32(base::f32_to_f16(value));
  return value;
}

float get(const tensor::View& view, std::int64_t i) {
  switch (view.desc.dtype) {
    case DType::f32:
      return view.as<float>()[i];
    case DType::bf16:
      return base::bf16_to_f32(view.as<std::uint16_t>()[i]);
    case DType::f16:
      return base::f16_to_f32(view.as<std::uint16_t>()[i]);
    case DType::u8:
      return view.as<std::uint8_t>()[i];
    case DType::i32:
      return static_cast<float>(view.as<std::int32_t>()[i]);
    default:
      return NAN;
  }
}

void set(const tensor::View& view, std::int64_t i, double value) {
  switch (view.desc.dtype) {
    case DType::f32:
      view.as<float>()[i] = static_cast<float>(value);
      break;
    case DType::bf16:
      view.as<std::uint16_t>()[i] = base::f32_to_bf16(static_cast<float>(value));
      break;
    case DType::f16:
      view.as<std::uint16_t>()[i] = base::f32_to_f16(static_cast<float>(value));
      break;
    case DType::u8:
      view.as<std::uint8_t>()[i] = static_cast<std::uint8_t>(std::nearbyint(value));
      break;
    case DType::i32:
      view.as<std::int32_t>()[i] = static_cast<std::int32_t>(std::nearbyint(value));
      break;
    default:
      break;
  }
}

}  // namespace streamdiffusion::backend::test
