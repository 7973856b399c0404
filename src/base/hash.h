// FNV-1a: a hash that is the same on every machine and in every version, unlike std::hash. Files
// and generated weights depend on its values.
#pragma once

#include <cstdint>
#include <string_view>

namespace streamdiffusion::base {

/// 64-bit FNV-1a of the bytes (Fowler, Noll, Vo; draft-eastlake-fnv). Not for hostile input.
constexpr std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace streamdiffusion::base
