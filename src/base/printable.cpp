// UTF-8 as RFC 3629 has it; white space and directions as in the Unicode Character Database.
#include "base/printable.h"

#include <algorithm>

namespace streamdiffusion::base {
namespace {

/// Bidi_Control, and the separators that end a line in some viewers.
bool turns_or_ends_lines(char32_t code) {
  return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/// White_Space
bool is_space(char32_t code) {
  constexpr char32_t kSpaces[]{0x20, 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000};
  return (code >= 0x09 && code <= 0x0d) || (code >= 0x2000 && code <= 0x200a) ||
         std::ranges::find(kSpaces, code) != std::end(kSpaces);
}

}  // namespace

std::size_t read_utf8(std::string_view text, char32_t& code) {
  if (text.empty()) return 0;
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xc2 ? 0
                           : lead < 0xe0 ? 2
                           : lead < 0xf0 ? 3
                           : lead < 0xf5 ? 4
                                         : 0;
  if (size == 0 || size > text.size()) return 0;
  code = size == 1 ? lead : lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0U) != 0x80U) return 0;
    code = code << 6U | (byte & 0x3fU);
  }
  constexpr char32_t kLeast[]{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return code < kLeast[size] || code > 0x10ffff || surrogate ? 0 : size;
}

std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    char32_t code = 0;
    const std::size_t size = read_utf8(text, code);
    const bool safe = size > 0 && !is_control(code) && !turns_or_ends_lines(code);
    const std::string_view character = text.substr(0, std::max<std::size_t>(size, 1));
    text.remove_prefix(character.size());
    if (safe) {
      out += character;
      continue;
    }
    for (const char c : character) {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]});
    }
  }
  return out;
}

std::string printable_lines(std::string_view text) {
  constexpr std::string_view kLine = "\n  ";
  std::string out;
  for (std::size_t at = text.find(kLine); at != std::string_view::npos; at = text.find(kLine)) {
    out += printable(text.substr(0, at));
    out += kLine;
    text.remove_prefix(at + kLine.size());
  }
  return out + printable(text);
}

bool is_blank(std::string_view text) {
  while (!text.empty()) {
    char32_t code = 0;
    const std::size_t size = read_utf8(text, code);
    if (size == 0 || !is_space(code)) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace streamdiffusion::base
