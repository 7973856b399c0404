// JPEG through TurboJPEG: baseline and progressive, gray, YCbCr and CMYK.
#include <turbojpeg.h>

#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "image/codecs.h"

namespace streamdiffusion::image {
namespace {

using base::ErrorCode;

struct CloseHandle {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, CloseHandle>;

/// Throws on an error. A warning means that the decoder recovered, so it is only logged, unless the
/// image ends early.
void check(int status, const Handle& handle, const std::string& name) {
  if (status == 0) return;
  const std::string message = tjGetErrorStr2(handle.get());
  const bool harmless =
      tjGetErrorCode(handle.get()) == TJERR_WARNING && message.find("end of") == std::string::npos;
  base::require(harmless, ErrorCode::corrupt_file, name, ": libjpeg says \"", message, "\"");
  base::warn(name, ": libjpeg says \"", message, "\"");
}

/// R = (1 - C)(1 - K), and so on. `inverted` is how Adobe stores CMYK: 255 means no ink.
std::vector<std::uint8_t> cmyk_to_rgb(const std::vector<std::uint8_t>& cmyk, bool inverted) {
  std::vector<std::uint8_t> rgb(cmyk.size() / 4 * 3);
  const auto intensity = [inverted](unsigned ink) { return inverted ? ink : 255U - ink; };
  for (std::size_t i = 0; i < cmyk.size() / 4; ++i) {
    const unsigned white = intensity(cmyk[4 * i + 3]);
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[3 * i + c] = static_cast<std::uint8_t>((intensity(cmyk[4 * i + c]) * white + 127) / 255);
    }
  }
  return rgb;
}

}  // namespace

ImageSize read_jpeg_size(std::span<const std::byte> bytes, const std::string& name) {
  const Handle handle(tjInitDecompress());
  base::require(handle != nullptr, ErrorCode::internal, "TurboJPEG cannot be initialized");
  ImageSize size;
  int subsampling = 0, colorspace = 0;
  check(tjDecompressHeader3(handle.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                            static_cast<unsigned long>(bytes.size()), &size.width, &size.height,
                            &subsampling, &colorspace),
        handle, name);
  return size;
}

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name) {
  const Handle handle(tjInitDecompress());
  base::require(handle != nullptr, ErrorCode::internal, "TurboJPEG cannot be initialized");
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto size = static_cast<unsigned long>(bytes.size());
  int width = 0, height = 0, subsampling = 0, colorspace = 0;
  check(tjDecompressHeader3(handle.get(), data, size, &width, &height, &subsampling, &colorspace),
        handle, name);
  check_image_size(width, height, name);
  const bool cmyk = colorspace == TJCS_CMYK || colorspace == TJCS_YCCK;
  const auto pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  std::vector<std::uint8_t> decoded(pixels * (cmyk ? 4 : 3));
  check(tjDecompress2(handle.get(), data, size, decoded.data(), width, 0, height,
                      cmyk ? TJPF_CMYK : TJPF_RGB, TJFLAG_LIMITSCANS),
        handle, name);
  const JpegMarkers markers = read_jpeg_markers(bytes);
  if (cmyk) decoded = cmyk_to_rgb(decoded, markers.adobe);
  return apply_orientation({width, height, std::move(decoded)}, markers.orientation);
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
