// Reads PNG, JPEG and WebP images, recognized by their content; writes PNG and JPEG.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

/// The largest side and number of pixels that are decoded: 16384, and 2^27 (a 384 MiB image).
constexpr int kMaxSide = 16384;
constexpr std::int64_t kMaxPixels = std::int64_t{1} << 27;

/// Decodes a file's bytes to 8-bit RGB: applies the EXIF orientation, blends transparency with
/// white, converts gray, palette and CMYK, and rounds 16 bits to 8. `name` is what messages call
/// the image. Throws corrupt_file, or unsupported for another format or an image over the limits.
Image decode_image(std::span<const std::byte> bytes, const std::string& name);

/// In pixels.
struct ImageSize {
  int width = 0, height = 0;
};

/// Reads the size from an image's header, before EXIF orientation, without decoding the image.
/// Throws as decode_image does, but accepts a size over the limits.
ImageSize read_image_size(std::span<const std::byte> bytes, const std::string& name);

/// Reads and decodes a file. Throws as decode_image does, and not_found or io.
Image read_image(const std::filesystem::path& path);

/// True if the extension is one that write_image accepts: .png, .jpg, .jpeg, in any case.
bool is_image_name(const std::filesystem::path& path);

/// Writes PNG or JPEG (quality 92), as the extension says. The file appears whole or not at all.
/// Throws invalid_argument for another extension, io naming the path.
void write_image(const std::filesystem::path& path, ImageView image);

}  // namespace streamdiffusion::image
