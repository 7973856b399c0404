// Conversions between f32 and the two 16-bit floats, IEEE binary16 and bfloat16, bit for bit in
// plain integer arithmetic. Rounding is to nearest even.
#pragma once

#include <bit>
#include <cstdint>

namespace streamdiffusion::base {

/// bfloat16 bits -> f32 (exact).
constexpr float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// f32 -> bfloat16 bits, rounded to nearest even; NaN stays NaN, too large values become infinity.
constexpr std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

/// IEEE binary16 bits -> f32 (exact, subnormals included).
constexpr float f16_to_f32(std::uint16_t bits) {
  // Masks and no branches, so that a loop over it is vectorized. The bias of the exponent grows by
  // 112.
  constexpr std::uint32_t kBias = 112U << 23, kSmallestNormal = kBias + (1U << 23);
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(bits & 0x7fffU) << 13;
  // A subnormal, as the difference of two normal numbers of f32.
  const auto subnormal = std::bit_cast<std::uint32_t>(
      std::bit_cast<float>(magnitude | kSmallestNormal) - std::bit_cast<float>(kSmallestNormal));
  const std::uint32_t is_subnormal = 0U - static_cast<std::uint32_t>(magnitude < (1U << 23));
  const std::uint32_t is_special = 0U - static_cast<std::uint32_t>(magnitude >= (0x1fU << 23));
  return std::bit_cast<float>(sign | (subnormal & is_subnormal) |
                              ((magnitude + kBias) & ~is_subnormal) | (0x7f800000U & is_special));
}

/// f32 -> IEEE binary16 bits, rounded to nearest even; NaN stays NaN, too large values become
/// infinity.
constexpr std::uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);
  // From 65520, half way beyond the largest number, everything is infinity.
  if (magnitude >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);
  constexpr std::uint32_t kSmallestNormal = 0x38800000U;  // 2^-14
  std::uint32_t mantissa = magnitude, dropped = 13;
  if (magnitude < kSmallestNormal) {
    // A subnormal: the implicit one becomes visible, and more bits are dropped.
    const std::uint32_t exponent = magnitude >> 23;
    if (exponent < 102) return sign;  // below 2^-25
    mantissa = (magnitude & 0x7fffffU) | 0x800000U;
    dropped = 126 - exponent;
  } else {
    mantissa -= 112U << 23;
  }
  const std::uint32_t half_way = 1U << (dropped - 1);
  const std::uint32_t odd = (mantissa >> dropped) & 1U;
  return static_cast<std::uint16_t>(sign | ((mantissa + half_way - 1 + odd) >> dropped));
}

}  // namespace streamdiffusion::base
