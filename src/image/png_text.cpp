#include "image/png_text.h"

#include <zlib.h>

#include <algorithm>
#include <sstream>

namespace streamdiffusion::image {
namespace {

/// An orientation stands at the begin of its block, and EXIF in a JPEG has 64 KiB at most.
constexpr std::size_t kMostText = 256 * 1024;

std::string_view view_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What comes before the end of the data, or before what is wrong with it.
std::string inflated(std::string_view compressed) {
  std::string text(kMostText, '\0');
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(compressed.size(), kMostText));
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  inflate(&stream, Z_FINISH);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

/// Takes off what is before the next zero, and the zero. False if there is none.
bool skip_field(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) return false;
  rest.remove_prefix(end + 1);
  return true;
}

int digit_value(char digit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const char lower = digit >= 'A' && digit <= 'F' ? static_cast<char>(digit + 'a' - 'A') : digit;
  const std::size_t at = kDigits.find(lower);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string_view png_keyword(const PngText& chunk) {
  constexpr std::size_t kLongest = 79;
  if (chunk.type != "tEXt" && chunk.type != "zTXt" && chunk.type != "iTXt") return {};
  const std::string_view content = view_of(chunk.content);
  const std::size_t end = content.find('\0');
  return end <= kLongest ? content.substr(0, end) : std::string_view();
}

std::string png_text(const PngText& chunk) {
  std::string_view rest = view_of(chunk.content);
  bool compressed = chunk.type == "zTXt";
  if (!skip_field(rest)) return {};
  const bool international = chunk.type == "iTXt";
  if (international) {  // a flag before the method, two texts behind it
    if (rest.empty()) return {};
    compressed = rest.front() != '\0';
    rest.remove_prefix(1);
  }
  if (compressed || international) {
    constexpr char kDeflate = '\0';
    if (rest.empty() || (compressed && rest.front() != kDeflate)) return {};
    rest.remove_prefix(1);
  }
  if (international && (!skip_field(rest) || !skip_field(rest))) return {};
  return compressed ? inflated(rest) : std::string(rest.substr(0, kMostText));
}

std::string raw_profile(std::string_view text) {
  std::istringstream words{std::string(text)};
  std::string bytes, word;
  words >> word >> word;  // its name, its length
  int half = -1;
  while (words >> word) {
    for (const char digit : word) {
      const int value = digit_value(digit);
      if (value < 0) return bytes;
      if (half >= 0) bytes.push_back(static_cast<char>(half * 16 + value));
      half = half >= 0 ? -1 : value;
    }
  }
  return bytes;
}

}  // namespace streamdiffusion::image
