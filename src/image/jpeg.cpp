// JPEG through TurboJPEG: baseline and progressive, gray, YCbCr and CMYK.
#include <turbojpeg.h>

#include <cstring>
#include <memory>

#include "image/codecs.h"
#include "image/color.h"
#include "image/jpeg_markers.h"

namespace streamdiffusion::image {
namespace {

using base::ErrorCode;

struct CloseHandle {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, CloseHandle>;

/// Throws on an error. A warning means that the decoder recovered, as from a file that ends early:
/// what is missing is gray.
void check(int status, const Handle& handle, const Encoded& file) {
  if (status == 0) return;
  const std::string message = tjGetErrorStr2(handle.get());
  base::require(tjGetErrorCode(handle.get()) == TJERR_WARNING, ErrorCode::corrupt_file, file.name,
                ": libjpeg says \"", message, "\"");
  file.warn("libjpeg says \"", message, "\"; the image may be damaged");
}

/// R = (1 - C)(1 - K), and so on. `inverted` is how Adobe stores CMYK: 255 means no ink. For images
/// without a profile. `rgb` may lie over `cmyk`.
void cmyk_to_rgb(const std::uint8_t* cmyk, std::size_t pixels, bool inverted, std::uint8_t* rgb) {
  const auto intensity = [inverted](unsigned ink) { return inverted ? ink : 255U - ink; };
  for (std::size_t i = 0; i < pixels; ++i) {
    const unsigned white = intensity(cmyk[4 * i + 3]);
    for (std::size_t c = 0; c < 3; ++c)
      rgb[3 * i + c] = static_cast<std::uint8_t>((intensity(cmyk[4 * i + c]) * white + 127) / 255);
  }
}

std::unique_ptr<ColorTransform> transform_of(const JpegMarkers& markers, const PixelLayout& format,
                                             const Encoded& file) {
  std::string problem;
  std::unique_ptr<ColorTransform> transform;
  if (markers.profile_incomplete) problem = "parts of its color profile are missing";
  if (!markers.profile.empty())
    transform = ColorTransform::from_profile(markers.profile, format, problem);
  const bool noted = markers.exif.adobe_rgb && format.colors != PixelLayout::Colors::cmyk;
  if (noted && markers.profile.empty() && !markers.profile_incomplete)
    transform = ColorTransform::from_adobe_rgb(format, problem);
  if (!problem.empty()) file.warn(problem, ", its colors are taken as sRGB");
  return transform;
}

/// Brings decoded pixels to sRGB, in place.
void convert_colors(std::vector<std::uint8_t>& decoded, std::size_t width,
                    const JpegMarkers& markers, const PixelLayout& format, const Encoded& file) {
  const bool cmyk = format.colors == PixelLayout::Colors::cmyk;
  const auto channels = static_cast<std::size_t>(format.channels);
  const std::size_t pixels = decoded.size() / channels;
  const auto transform = transform_of(markers, format, file);
  if (transform) {
    std::vector<std::uint8_t> rgb(3 * width);
    for (std::size_t at = 0; at < pixels; at += width) {
      transform->convert(&decoded[channels * at], width, rgb.data());
      std::memcpy(&decoded[3 * at], rgb.data(), rgb.size());
    }
  } else if (cmyk) {
    cmyk_to_rgb(decoded.data(), pixels, format.inverted, decoded.data());
  }
  decoded.resize(3 * pixels);
}

}  // namespace

Image decode_jpeg(const Encoded& file) {
  const Handle handle(tjInitDecompress());
  base::require(handle != nullptr, ErrorCode::internal, "TurboJPEG cannot be initialized");
  const auto* data = reinterpret_cast<const unsigned char*>(file.bytes.data());
  const auto size = static_cast<unsigned long>(file.bytes.size());
  int width = 0, height = 0, subsampling = 0, colorspace = 0;
  check(tjDecompressHeader3(handle.get(), data, size, &width, &height, &subsampling, &colorspace),
        handle, file);
  // Without a scan libjpeg takes it for a file of tables, which has no size.
  base::require(width > 0, ErrorCode::corrupt_file, file.name,
                ": ends before its pixels begin, expected a whole JPEG");
  file.check_size(width, height);
  const bool cmyk = colorspace == TJCS_CMYK || colorspace == TJCS_YCCK;
  std::vector<std::uint8_t> decoded(static_cast<std::size_t>(width) *
                                    static_cast<std::size_t>(height) * (cmyk ? 4 : 3));
  check(tjDecompress2(handle.get(), data, size, decoded.data(), width, 0, height,
                      cmyk ? TJPF_CMYK : TJPF_RGB, TJFLAG_LIMITSCANS),
        handle, file);
  const JpegMarkers markers = read_jpeg_markers(file.bytes);
  if (markers.images > 1) file.warn("holds ", markers.images, " images (MPO); the first is used");
  using Colors = PixelLayout::Colors;
  const PixelLayout format{.colors = cmyk                      ? Colors::cmyk
                                     : colorspace == TJCS_GRAY ? Colors::gray
                                                               : Colors::rgb,
                           .channels = cmyk ? 4 : 3,
                           .inverted = cmyk && markers.adobe};
  convert_colors(decoded, static_cast<std::size_t>(width), markers, format, file);
  return make_upright({width, height, std::move(decoded)}, markers.exif, markers.xmp);
}

std::vector<std::byte> encode_jpeg(const Image& image, int quality) {
  const Handle handle(tjInitCompress());
  base::require(handle != nullptr, ErrorCode::internal, "TurboJPEG cannot be initialized");
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const int status = tjCompress2(handle.get(), image.rgb.data(), image.width, 0, image.height,
                                 TJPF_RGB, &data, &size, TJSAMP_420, quality, 0);
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owned(data, tjFree);
  base::require(status == 0, ErrorCode::internal, "libjpeg says \"", tjGetErrorStr2(handle.get()),
                "\"");
  const auto* first = reinterpret_cast<const std::byte*>(data);
  return {first, first + size};
}

}  // namespace streamdiffusion::image
