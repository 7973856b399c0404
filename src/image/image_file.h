// Reads PNG, JPEG and WebP images, recognized by their content, and writes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

/// The largest side and number of pixels that are decoded: 16384, and 2^27 (a 384 MiB image).
constexpr int kMaxSide = 16384;
constexpr std::int64_t kMaxPixels = std::int64_t{1} << 27;

/// Throws corrupt_file for an empty size, unsupported for one over kMaxSide or over so many pixels.
/// To be called before anything of that size is allocated.
void check_image_size(std::int64_t width, std::int64_t height, const std::string& name,
                      std::int64_t max_pixels = kMaxPixels);

struct DecodeOptions {
  /// An image of more is refused before anything of its size is allocated. Decoding allocates at
  /// most 16 bytes a pixel, twice the file and 32 MiB for a color profile.
  std::int64_t max_pixels = kMaxPixels;
  /// Called with what was wrong with an image that is decoded all the same, such as one that
  /// ends early. Without: a warning in the log.
  std::function<void(const std::string&)> warn = {};
};

/// Decodes a file's bytes to 8-bit sRGB: converts from the color profile or the primaries that the
/// file names, applies the EXIF orientation, blends transparency with white, converts gray, palette
/// and CMYK, and rounds 16 bits to 8. `name` is what messages call the image. Throws corrupt_file,
/// or unsupported for another format, an animation or an image over the limits.
Image decode_image(std::span<const std::byte> bytes, const std::string& name,
                   const DecodeOptions& options = {});

/// In pixels.
struct ImageSize {
  int width = 0, height = 0;
};

/// Reads the size from an image's header, before EXIF orientation. Decodes and allocates nothing: a
/// PNG's chunks and a JPEG's markers up to the pixels are passed over by their lengths. Throws as
/// decode_image does, but accepts a size over the limits.
ImageSize read_image_size(std::span<const std::byte> bytes, const std::string& name);

/// The bytes of a file or a pipe, at most 1 GiB; "-" is standard input. Throws not_found, io, or
/// unsupported for more.
std::vector<std::byte> read_image_bytes(const std::filesystem::path& path);

/// Reads and decodes a file or a pipe; "-" is standard input. Throws as decode_image does, and
/// not_found or io.
Image read_image(const std::filesystem::path& path);

/// True if the extension is one that write_image accepts: .png, .jpg, .jpeg, .webp, in any case.
bool is_image_name(const std::filesystem::path& path);

/// True if the file's content begins as that of an image does: a PNG, a JPEG, a WebP, or one that
/// only programs with libav read (a TIFF, a BMP, …). Never throws.
bool has_image_content(const std::filesystem::path& path);

/// Throws invalid_argument, naming what is expected, unless is_image_name(path). A stream, such as
/// standard output, takes PNG whatever its name.
void check_image_name(const std::filesystem::path& path);

/// Writes PNG, JPEG (quality 92) or WebP (quality 90), as the extension says. The file appears
/// whole or not at all. A link in its place is replaced; `target`, if given, is written instead,
/// such as base::output_target(path). Throws as check_image_name does, and io naming the path.
void write_image(const std::filesystem::path& path, ImageView image,
                 const std::filesystem::path& target = {});

}  // namespace streamdiffusion::image
