// Escaping and shortening for messages; see quote.h.
#include "json/quote.h"

#include "base/printable.h"

namespace streamdiffusion::json {

std::string printable(std::string_view text, std::size_t limit) {
  std::size_t end = text.size();
  if (end > limit) {
    end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  }
  std::string out = base::printable(text.substr(0, end));
  if (end < text.size()) out += "...";
  return out;
}

std::string quote(std::string_view name) {
  return '"' + printable(name, 120) + '"';
}

}  // namespace streamdiffusion::json
