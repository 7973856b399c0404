// The PNG, JPEG and WebP decoders behind image_file.h, and what they share. Only this folder and
// its tests include it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/alpha.h"
#include "image/encode.h"
#include "image/exif.h"
#include "image/image_file.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

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

}  // namespace streamdiffusion::image
