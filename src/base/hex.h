// Bytes as text.
#pragma once

#include <span>
#include <string>

namespace streamdiffusion::base {

/// Two lowercase hexadecimal digits for each byte.
inline std::string to_hex(std::span<const unsigned char> bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned byte : bytes) {
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
  }
  return text;
}

}  // namespace streamdiffusion::base
