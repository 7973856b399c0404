// WebP through libwebp: still images, lossy and lossless. Transparency is blended with white.
#include <webp/decode.h>
#include <webp/encode.h>

#include <memory>

#include "base/error.h"
#include "image/codecs.h"

namespace streamdiffusion::image {
namespace {

const std::uint8_t* data_of(std::span<const std::byte> bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

}  // namespace

ImageSize read_webp_size(std::span<const std::byte> bytes, const std::string& name) {
  WebPBitstreamFeatures features;
  base::require(WebPGetFeatures(data_of(bytes), bytes.size(), &features) == VP8_STATUS_OK &&
                    features.has_animation == 0,
                base::ErrorCode::corrupt_file, name,
                ": libwebp cannot read it, expected one still image");
  return {features.width, features.height};
}

Image decode_webp(std::span<const std::byte> bytes, const std::string& name) {
  const ImageSize size = read_webp_size(bytes, name);
  check_image_size(size.width, size.height, name);
  Image image{size.width, size.height, {}};
  const auto pixels = static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height);
  std::vector<std::uint8_t> rgba(pixels * 4);
  base::require(WebPDecodeRGBAInto(data_of(bytes), bytes.size(), rgba.data(), rgba.size(),
                                   4 * size.width) != nullptr,
                base::ErrorCode::corrupt_file, name, ": libwebp cannot decode it");
  image.rgb.resize(pixels * 3);
  for (std::size_t i = 0; i < pixels; ++i) {
    const unsigned alpha = rgba[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      image.rgb[3 * i + c] =
          static_cast<std::uint8_t>((rgba[4 * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
  return image;
}

std::vector<std::byte> encode_webp(const Image& image, int quality) {
  std::uint8_t* data = nullptr;
  const std::size_t size = WebPEncodeRGB(image.rgb.data(), image.width, image.height,
                                         3 * image.width, static_cast<float>(quality), &data);
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owned(data, WebPFree);
  base::require(size > 0, base::ErrorCode::internal, "libwebp does not encode an image of ",
                image.width, "x", image.height);
  const auto* first = reinterpret_cast<const std::byte*>(data);
  return {first, first + size};
}

}  // namespace streamdiffusion::image
