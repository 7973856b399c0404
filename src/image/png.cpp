// PNG through libpng's simplified interface, which needs no setjmp.
#include <png.h>

#include <cstring>

#include "base/error.h"
#include "image/codecs.h"

namespace streamdiffusion::image {
namespace {

/// Owns what libpng allocates for an image.
struct PngImage {
  png_image image{};
  PngImage() { image.version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(&image); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

}  // namespace

ImageSize read_png_size(std::span<const std::byte> bytes, const std::string& name) {
  PngImage png;
  base::require(png_image_begin_read_from_memory(&png.image, bytes.data(), bytes.size()) != 0,
                base::ErrorCode::corrupt_file, name, ": libpng says \"", png.image.message, "\"");
  base::require(png.image.width <= INT32_MAX && png.image.height <= INT32_MAX,
                base::ErrorCode::corrupt_file, name, ": the image is ", png.image.width, "x",
                png.image.height);
  return {static_cast<int>(png.image.width), static_cast<int>(png.image.height)};
}

Image decode_png(std::span<const std::byte> bytes, const std::string& name) {
  PngImage png;
  base::require(png_image_begin_read_from_memory(&png.image, bytes.data(), bytes.size()) != 0,
                base::ErrorCode::corrupt_file, name, ": libpng says \"", png.image.message, "\"");
  check_image_size(png.image.width, png.image.height, name);
  png.image.format = PNG_FORMAT_RGBA;
  png.image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  std::vector<std::uint8_t> rgba(PNG_IMAGE_SIZE(png.image));
  base::require(png_image_finish_read(&png.image, nullptr, rgba.data(), 0, nullptr) != 0,
                base::ErrorCode::corrupt_file, name, ": libpng says \"", png.image.message, "\"");
  Image image{static_cast<int>(png.image.width), static_cast<int>(png.image.height), {}};
  image.rgb.resize(rgba.size() / 4 * 3);
  for (std::size_t i = 0; i < rgba.size() / 4; ++i) {
    const unsigned alpha = rgba[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      image.rgb[3 * i + c] =
          static_cast<std::uint8_t>((rgba[4 * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
  return image;
}

std::vector<std::byte> encode_png(const Image& image) {
  PngImage png;
  png.image.width = static_cast<png_uint_32>(image.width);
  png.image.height = static_cast<png_uint_32>(image.height);
  png.image.format = PNG_FORMAT_RGB;
  png.image.flags = PNG_IMAGE_FLAG_FAST;
  std::vector<std::byte> bytes(PNG_IMAGE_PNG_SIZE_MAX(png.image));
  png_alloc_size_t size = bytes.size();
  base::require(png_image_write_to_memory(&png.image, bytes.data(), &size, 0, image.rgb.data(), 0,
                                          nullptr) != 0,
                base::ErrorCode::internal, "libpng says \"", png.image.message, "\"");
  bytes.resize(size);
  return bytes;
}

}  // namespace streamdiffusion::image
