// The codecs behind image_file.h.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "image/image_file.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

/// Throws unsupported unless an image of this size may be decoded.
void check_image_size(std::int64_t width, std::int64_t height, const std::string& name);

Image decode_png(std::span<const std::byte> bytes, const std::string& name);
std::vector<std::byte> encode_png(const Image& image);

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name);
std::vector<std::byte> encode_jpeg(const Image& image, int quality);

ImageSize read_jpeg_size(std::span<const std::byte> bytes, const std::string& name);
ImageSize read_png_size(std::span<const std::byte> bytes, const std::string& name);
ImageSize read_webp_size(std::span<const std::byte> bytes, const std::string& name);

Image decode_webp(std::span<const std::byte> bytes, const std::string& name);
/// quality 0..100.
std::vector<std::byte> encode_webp(const Image& image, int quality);

/// What a JPEG's markers say besides the image.
struct JpegMarkers {
  /// EXIF, 1..8.
  int orientation = 1;
  /// An Adobe marker: CMYK values are stored inverted.
  bool adobe = false;
};
/// Never reads outside the bytes; what it does not understand it passes over.
JpegMarkers read_jpeg_markers(std::span<const std::byte> bytes);

/// The image as EXIF orientation 1..8 says it should be seen.
Image oriented(Image image, int orientation);

}  // namespace streamdiffusion::image
