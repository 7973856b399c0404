// Images on disk and in memory: PNG, JPEG and WebP, recognized by their content.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

/// Largest side and number of pixels that are decoded.
constexpr int kMostSide = 16384;
constexpr std::int64_t kMostPixels = std::int64_t{1} << 27;

/// Decodes a file's bytes as a person expects: EXIF orientation applied, transparency laid on
/// white, gray, palette and CMYK made RGB, 16 bits rounded to 8. `name` is what messages call it.
/// Throws corrupt_file, or unsupported for another format or an image over the limits.
Image decode_image(std::span<const std::byte> bytes, const std::string& name);

struct ImageSize {
  int width = 0, height = 0;
};

/// What an image's header promises, without decoding it; before EXIF orientation. Throws as
/// decode_image does, except that no size is over a limit.
ImageSize read_image_size(std::span<const std::byte> bytes, const std::string& name);

/// Reads a file. Throws as decode_image does, and not_found or io.
Image read_image(const std::filesystem::path& path);

/// True for a name that write_image would take: .png, .jpg, .jpeg.
bool is_image_name(const std::filesystem::path& path);

/// Writes PNG or JPEG (quality 92) by the name's ending. The file appears whole or not at all.
/// Throws invalid_argument for another ending, io naming the path.
void write_image(const std::filesystem::path& path, ImageView image);

}  // namespace streamdiffusion::image
