// The PNG, JPEG and WebP codecs behind image_file.h, and what they share. Private to the library;
// programs use image_file.h.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/exif.h"
#include "image/image_file.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

/// Throws corrupt_file for an empty size, unsupported for one over kMaxSide or over so many pixels.
/// Called before anything of that size is allocated.
void check_image_size(std::int64_t width, std::int64_t height, const std::string& name,
                      std::int64_t max_pixels = kMaxPixels);

/// Throws unsupported for more than one frame. `format` is the format's name.
void refuse_animation(std::uint32_t frames, const char* format, const std::string& name);

/// An image file in memory.
struct Encoded {
  std::span<const std::byte> bytes;
  /// What messages call it.
  const std::string& name;
  const DecodeOptions& options;

  /// Passes on what was wrong with an image that is decoded all the same.
  template <typename... Parts>
  void warn(const Parts&... parts) const {
    warn_text(base::concat(name, ": ", parts...));
  }
  void check_size(std::int64_t width, std::int64_t height) const {
    check_image_size(width, height, name, options.max_pixels);
  }

 private:
  void warn_text(const std::string& message) const;
};

/// Each decodes a whole file to RGB. Throw corrupt_file, and unsupported for an animation or for an
/// image over the limits.
Image decode_png(const Encoded& file);
Image decode_jpeg(const Encoded& file);
Image decode_webp(const Encoded& file);

/// Each gives the bytes of a file. `quality` is 0..100 (JPEG: 1..100).
std::vector<std::byte> encode_png(const Image& image);
std::vector<std::byte> encode_jpeg(const Image& image, int quality);
std::vector<std::byte> encode_webp(const Image& image, int quality);

/// RGBA of 8 bits over white, to RGB.
void blend_with_white(const std::uint8_t* rgba, std::size_t pixels, std::uint8_t* rgb);

}  // namespace streamdiffusion::image
