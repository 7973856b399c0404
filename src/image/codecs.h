// The PNG, JPEG and WebP codecs behind image_file.h, and the EXIF orientation. Private to the
// library; programs use image_file.h.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "image/image_file.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

/// Throws corrupt_file for an empty size, unsupported for one over kMaxSide or kMaxPixels. Called
/// before anything of that size is allocated.
void check_image_size(std::int64_t width, std::int64_t height, const std::string& name);

/// Each decodes a whole file to RGB; `name` is what messages call it. Throw corrupt_file, and
/// unsupported for an image over the limits.
Image decode_png(std::span<const std::byte> bytes, const std::string& name);
Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name);
Image decode_webp(std::span<const std::byte> bytes, const std::string& name);

/// Each reads only the header: the size as stored, before EXIF orientation. Throw corrupt_file.
ImageSize read_png_size(std::span<const std::byte> bytes, const std::string& name);
ImageSize read_jpeg_size(std::span<const std::byte> bytes, const std::string& name);
ImageSize read_webp_size(std::span<const std::byte> bytes, const std::string& name);

/// Each gives the bytes of a file. `quality` is 0..100 (JPEG: 1..100).
std::vector<std::byte> encode_png(const Image& image);
std::vector<std::byte> encode_jpeg(const Image& image, int quality);
std::vector<std::byte> encode_webp(const Image& image, int quality);

/// What a JPEG's APP markers say about its pixels.
struct JpegMarkers {
  /// EXIF orientation, 1..8.
  int orientation = 1;
  /// There is an Adobe marker: CMYK values are stored inverted.
  bool adobe = false;
};
/// Never reads outside `bytes`; skips markers that it does not know.
JpegMarkers read_jpeg_markers(std::span<const std::byte> bytes);

/// Rotates and mirrors an image from EXIF orientation 1..8 to upright (Pillow's exif_transpose).
Image apply_orientation(Image image, int orientation);

}  // namespace streamdiffusion::image
