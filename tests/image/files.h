// Image files put together byte by byte: with chunks and segments that encoders do not write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "image/image_file.h"

namespace streamdiffusion::image {

std::vector<std::byte> bytes_of(const std::string& text);

/// As PNG and TIFF store numbers: the highest byte first.
std::string big_endian(std::uint32_t value, int bytes = 4);

/// A chunk of a PNG with its checksum.
std::string png_chunk(const std::string& type, const std::string& content);
/// What zlib makes of it.
std::string deflated(const std::string& content);

struct PngSpec {
  int width = 1, height = 1, depth = 8, color_type = 2;
  /// One pixel's bytes: all pixels are alike.
  std::string pixel;
  /// Chunks between the header and the pixels.
  std::string chunks;
  bool ended = true;
};
std::vector<std::byte> png_file(const PngSpec& spec);

/// Puts segments behind the start of a JPEG.
std::vector<std::byte> with_segments(const std::vector<std::byte>& jpeg,
                                     const std::string& segments);
std::string jpeg_segment(unsigned char code, const std::string& content);

/// A WebP in the extended format. `flags` are those of VP8X: 0x20 for a profile, 0x08 for EXIF,
/// 0x02 for an animation.
std::vector<std::byte> webp_file(const Image& image, unsigned char flags, const std::string& before,
                                 const std::string& after);
std::string riff_chunk(const std::string& type, const std::string& content);

/// An EXIF block that holds nothing but an orientation, without "Exif\0\0".
std::string tiff_with_orientation(int orientation, bool little = false);

Image flat(int width, int height, int r, int g, int b);

}  // namespace streamdiffusion::image
