// Types of the numbers in a file, all that the format has with whole bytes. They are more than a
// graph computes with: 8-bit floats are read as f32.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace streamdiffusion::weights {

/// Weights are of the first five; a single number, as a LoRA's alpha, may be of any but c64.
enum class StoredType : std::uint8_t {
  f32,
  bf16,
  f16,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  f64,
  c64,
  u8,
  boolean,
  i8,
  u16,
  i16,
  u32,
  i32,
  u64,
  i64,
};

inline constexpr std::array kStoredTypes{
    StoredType::f32,     StoredType::bf16,    StoredType::f16, StoredType::f8_e4m3,
    StoredType::f8_e5m2, StoredType::f8_e8m0, StoredType::f64, StoredType::c64,
    StoredType::u8,      StoredType::boolean, StoredType::i8,  StoredType::u16,
    StoredType::i16,     StoredType::u32,     StoredType::i32, StoredType::u64,
    StoredType::i64};

/// Bytes of one element.
constexpr std::size_t size_of(StoredType type) {
  switch (type) {
    case StoredType::f32:
    case StoredType::u32:
    case StoredType::i32:
      return 4;
    case StoredType::bf16:
    case StoredType::f16:
    case StoredType::u16:
    case StoredType::i16:
      return 2;
    case StoredType::f8_e4m3:
    case StoredType::f8_e5m2:
    case StoredType::f8_e8m0:
    case StoredType::u8:
    case StoredType::boolean:
    case StoredType::i8:
      return 1;
    case StoredType::f64:
    case StoredType::c64:
    case StoredType::u64:
    case StoredType::i64:
      return 8;
  }
  return 0;
}

/// Whether weights may be of it.
constexpr bool is_of_weights(StoredType type) {
  return type <= StoredType::f8_e5m2;
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
    case StoredType::f8_e8m0:
      return "F8_E8M0";
    case StoredType::f64:
      return "F64";
    case StoredType::c64:
      return "C64";
    case StoredType::u8:
      return "U8";
    case StoredType::boolean:
      return "BOOL";
    case StoredType::i8:
      return "I8";
    case StoredType::u16:
      return "U16";
    case StoredType::i16:
      return "I16";
    case StoredType::u32:
      return "U32";
    case StoredType::i32:
      return "I32";
    case StoredType::u64:
      return "U64";
    case StoredType::i64:
      return "I64";
  }
  return "";
}

}  // namespace streamdiffusion::weights
