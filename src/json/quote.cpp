// Escaping and shortening for messages; see quote.h.
#include "json/quote.h"

#include <array>

namespace streamdiffusion::json {

std::string printable(std::string_view text, std::size_t limit) {
  std::size_t end = text.size();
  if (end > limit) {
    end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    } else {
      out += c;
    }
  }
  if (end < text.size()) out += "...";
  return out;
}

std::string quote(std::string_view name) {
  return '"' + printable(name, 120) + '"';
}

}  // namespace streamdiffusion::json
