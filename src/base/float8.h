// The two 8-bit floats of files, as f32 (Micikevicius et al. 2022, "FP8 formats for deep learning",
// arXiv 2209.05433). They store weights; nothing is computed in them.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

#include "base/half.h"

namespace streamdiffusion::base {

/// E4M3 in its "fn" form -> f32 (exact): 4 bits of exponent with bias 7, no infinity, at most 448;
/// all ones is NaN.
constexpr float f8_e4m3_to_f32(std::uint8_t bits) {
  constexpr std::uint8_t kNan = 0x7f;
  const std::uint8_t magnitude = bits & 0x7fU;
  const bool negative = bits != magnitude;
  float value = std::numeric_limits<float>::quiet_NaN();
  if (magnitude < 8) {
    value = static_cast<float>(magnitude) * 0x1p-9F;  // subnormal
  } else if (magnitude != kNan) {
    value = std::bit_cast<float>((std::uint32_t{magnitude} << 20) + (120U << 23));
  }
  return negative ? -value : value;
}

/// E5M2 -> f32 (exact): the upper half of an IEEE binary16, with infinities and NaN.
constexpr float f8_e5m2_to_f32(std::uint8_t bits) {
  return f16_to_f32(static_cast<std::uint16_t>(bits << 8));
}

/// The values of all codes.
constexpr std::array<float, 256> float8_values(float (*to_f32)(std::uint8_t)) {
  std::array<float, 256> values{};
  for (unsigned code = 0; code < values.size(); ++code) {
    values[code] = to_f32(static_cast<std::uint8_t>(code));
  }
  return values;
}

}  // namespace streamdiffusion::base
