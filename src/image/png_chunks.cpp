// PNG (ISO/IEC 15948): a signature, then chunks of length, type, content and checksum.
#include "image/png_chunks.h"

#include <cstring>
#include <string_view>

namespace streamdiffusion::image {
namespace {

constexpr std::size_t kSignature = 8, kChunkHeader = 8, kChecksum = 4;
/// gAMA and cHRM hold numbers times this.
constexpr double kScale = 100000;

std::uint32_t number(std::span<const std::byte> bytes, std::size_t at = 0) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = (value << 8U) | std::to_integer<std::uint32_t>(bytes[at + i]);
  return value;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Chromaticities primaries_of(std::span<const std::byte> content) {
  Chromaticities found;
  double* const places[] = {found.white, found.red, found.green, found.blue};
  for (std::size_t i = 0; i < 8; ++i) places[i / 2][i % 2] = number(content, 4 * i) / kScale;
  return found;
}

/// The content of an iTXt chunk with XMP: keyword, compression flag and method, language,
/// translated keyword, text. Empty for others.
std::span<const std::byte> xmp_of(std::span<const std::byte> content) {
  constexpr std::string_view kUncompressed{"XML:com.adobe.xmp\0\0\0", 20};
  const std::string_view all = text_of(content);
  if (!all.starts_with(kUncompressed)) return {};
  const std::size_t language = all.find('\0', kUncompressed.size());
  const std::size_t keyword =
      language == std::string_view::npos ? language : all.find('\0', language + 1);
  return keyword == std::string_view::npos ? std::span<const std::byte>()
                                           : content.subspan(keyword + 1);
}

void note(std::string_view type, std::span<const std::byte> content, PngChunks& chunks) {
  if (type == "iCCP") chunks.has_profile = true;
  if (type == "sRGB") chunks.is_srgb = true;
  if (type == "IEND") chunks.ended = true;
  if (type == "eXIf") chunks.exif = content;
  if (type == "iTXt" && chunks.xmp.empty()) chunks.xmp = xmp_of(content);
  if (type == "acTL" && content.size() >= 8) chunks.frames = number(content);
  if (type == "cICP" && content.size() == 4) {
    chunks.code_points = {std::to_integer<int>(content[0]), std::to_integer<int>(content[1])};
  }
  if (type == "gAMA" && content.size() == 4) chunks.gamma = number(content) / kScale;
  if (type == "cHRM" && content.size() == 32) chunks.primaries = primaries_of(content);
}

}  // namespace

std::optional<PngChunks> read_png_chunks(std::span<const std::byte> bytes, PngPart part) {
  constexpr std::size_t kHeaderContent = 13;
  constexpr std::string_view kMagic = "\x89PNG\r\n\x1a\n";
  if (bytes.size() < kSignature + kChunkHeader + kHeaderContent ||
      text_of(bytes.first(kSignature)) != kMagic || number(bytes, kSignature) != kHeaderContent ||
      text_of(bytes.subspan(kSignature + 4, 4)) != "IHDR") {
    return std::nullopt;
  }
  PngChunks chunks;
  chunks.width = number(bytes, kSignature + kChunkHeader);
  chunks.height = number(bytes, kSignature + kChunkHeader + 4);
  std::span<const std::byte> rest = bytes.subspan(kSignature);
  while (rest.size() >= kChunkHeader + kChecksum && !chunks.ended) {
    const std::size_t length = number(rest);
    const std::string_view type = text_of(rest.subspan(4, 4));
    if (part == PngPart::before_pixels && type == "IDAT") break;
    if (length > rest.size() - kChunkHeader - kChecksum) break;
    note(type, rest.subspan(kChunkHeader, length), chunks);
    rest = rest.subspan(kChunkHeader + length + kChecksum);
  }
  return chunks;
}

}  // namespace streamdiffusion::image
