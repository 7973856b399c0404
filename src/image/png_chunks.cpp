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

void note_text(const PngText& chunk, PngChunks& chunks) {
  const std::string_view keyword = png_keyword(chunk);
  const auto keep_first = [&](std::optional<PngText>& place) {
    if (!place) place = chunk;
  };
  if (keyword == "Raw profile type exif") keep_first(chunks.exif_profile);
  if (keyword == "Raw profile type APP1") keep_first(chunks.app1_profile);
  if (keyword == "XML:com.adobe.xmp") keep_first(chunks.xmp);
}

void note(std::string_view type, std::span<const std::byte> content, PngChunks& chunks) {
  if (type == "iCCP") chunks.has_profile = true;
  if (type == "sRGB") chunks.is_srgb = true;
  if (type == "IEND") chunks.ended = true;
  if (type == "eXIf") chunks.exif = content;
  note_text({type, content}, chunks);
  if (type == "acTL" && content.size() >= 8) chunks.frames = number(content);
  if (type == "cICP" && content.size() == 4) {
    chunks.code_points = {std::to_integer<int>(content[0]), std::to_integer<int>(content[1])};
  }
  if (type == "gAMA" && content.size() == 4) chunks.gamma = number(content) / kScale;
  if (type == "cHRM" && content.size() == 32) chunks.primaries = primaries_of(content);
}

}  // namespace

PngMetadata read_metadata(const PngChunks& chunks) {
  constexpr std::string_view kXmpOfJpeg{"http://ns.adobe.com/xap/1.0/\0", 29};
  const auto profile = [](const std::optional<PngText>& chunk) {
    return chunk ? raw_profile(png_text(*chunk)) : std::string();
  };
  PngMetadata found;
  if (chunks.xmp) found.xmp = png_text(*chunks.xmp);
  if (!chunks.exif.empty()) {
    found.exif = read_exif(chunks.exif);
    return found;
  }
  std::string block = profile(chunks.exif_profile);
  if (block.empty()) block = profile(chunks.app1_profile);
  const bool is_xmp = block.starts_with(kXmpOfJpeg);
  if (!is_xmp) found.exif = read_exif(std::as_bytes(std::span(block)));
  if (is_xmp && found.xmp.empty()) found.xmp = block.substr(kXmpOfJpeg.size());
  return found;
}

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
