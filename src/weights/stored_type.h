// Types of the numbers in a file. They are more than a graph computes with: 8-bit floats are read
// as f32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace streamdiffusion::weights {

enum class StoredType : std::uint8_t { f32, bf16, f16, f8_e4m3, f8_e5m2, u8, boolean, i32, i64 };

/// Bytes of one element.
constexpr std::size_t size_of(StoredType type) {
  switch (type) {
    case StoredType::f32:
    case StoredType::i32:
      return 4;
    case StoredType::bf16:
    case StoredType::f16:
      return 2;
    case StoredType::f8_e4m3:
    case StoredType::f8_e5m2:
    case StoredType::u8:
    case StoredType::boolean:
      return 1;
    case StoredType::i64:
      return 8;
  }
  return 0;
}

constexpr bool is_floating(StoredType type) {
  return type < StoredType::u8;
}

/// As safetensors spells it: "F32", "F8_E4M3", …
constexpr const char* to_string(StoredType type) {
  switch (type) {
    case StoredType::f32:
      return "F32";
    case StoredType::bf16:
      return "BF16";
    case StoredType::f16:
      return "F16";
    case StoredType::f8_e4m3:
      return "F8_E4M3";
    case StoredType::f8_e5m2:
      return "F8_E5M2";
    case StoredType::u8:
      return "U8";
    case StoredType::boolean:
      return "BOOL";
    case StoredType::i32:
      return "I32";
    case StoredType::i64:
      return "I64";
  }
  return "";
}

}  // namespace streamdiffusion::weights
