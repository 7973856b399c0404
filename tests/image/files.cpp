#include "image/files.h"

#include <zlib.h>

#include <algorithm>

#include "image/codecs.h"

namespace streamdiffusion::image {

std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> bytes(text.size());
  std::transform(text.begin(), text.end(), bytes.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

namespace {

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string little_endian(std::size_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

}  // namespace

std::string big_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string deflated(const std::string& content) {
  std::string packed(::compressBound(content.size()), '\0');
  uLongf size = packed.size();
  ::compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
              reinterpret_cast<const Bytef*>(content.data()), content.size(), 9);
  packed.resize(size);
  return packed;
}

std::string png_chunk(const std::string& type, const std::string& content) {
  const std::string checked = type + content;
  const uLong sum =
      ::crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return big_endian(static_cast<std::uint32_t>(content.size())) + checked +
         big_endian(static_cast<std::uint32_t>(sum));
}

std::vector<std::byte> png_file(const PngSpec& spec) {
  const std::string header = big_endian(static_cast<std::uint32_t>(spec.width)) +
                             big_endian(static_cast<std::uint32_t>(spec.height)) +
                             static_cast<char>(spec.depth) + static_cast<char>(spec.color_type) +
                             std::string(3, '\0');
  std::string rows;
  for (int y = 0; y < spec.height; ++y) {
    rows += '\0';  // no filter
    for (int x = 0; x < spec.width; ++x) rows += spec.pixel;
  }
  return bytes_of("\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + spec.chunks +
                  png_chunk("IDAT", deflated(rows)) + (spec.ended ? png_chunk("IEND", "") : ""));
}

std::string jpeg_segment(unsigned char code, const std::string& content) {
  return std::string{'\xff', static_cast<char>(code)} +
         big_endian(static_cast<std::uint32_t>(content.size() + 2), 2) + content;
}

std::vector<std::byte> with_segments(const std::vector<std::byte>& jpeg,
                                     const std::string& segments) {
  const std::string text = text_of(jpeg);
  return bytes_of(text.substr(0, 2) + segments + text.substr(2));
}

std::string riff_chunk(const std::string& type, const std::string& content) {
  return type + little_endian(content.size(), 4) + content + std::string(content.size() % 2, '\0');
}

std::vector<std::byte> webp_file(const Image& image, unsigned char flags, const std::string& before,
                                 const std::string& after) {
  const std::string plain = text_of(encode_webp(image, 100));
  const std::string size = little_endian(static_cast<std::size_t>(image.width - 1), 3) +
                           little_endian(static_cast<std::size_t>(image.height - 1), 3);
  const std::string body =
      riff_chunk("VP8X", std::string{static_cast<char>(flags), 0, 0, 0} + size) + before +
      plain.substr(12) + after;
  return bytes_of("RIFF" + little_endian(body.size() + 4, 4) + "WEBP" + body);
}

std::string tiff_with_orientation(int orientation, bool little) {
  std::string tiff = little ? std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18)
                            : std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01", 18);
  const char o = static_cast<char>(orientation);
  tiff += little ? std::string{o, 0, 0, 0} : std::string{0, o, 0, 0};
  return tiff + std::string(4, '\0');
}

Image flat(int width, int height, int r, int g, int b) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height; ++i)
    for (const int c : {r, g, b}) image.rgb.push_back(static_cast<std::uint8_t>(c));
  return image;
}

}  // namespace streamdiffusion::image
