// WebP through libwebp: still images, lossy and lossless. Transparency is blended with white.
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>

#include <algorithm>
#include <memory>

#include "image/codecs.h"
#include "image/color.h"

namespace streamdiffusion::image {
namespace {

using base::ErrorCode;

const std::uint8_t* data_of(std::span<const std::byte> bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

using Demuxer = std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)>;

Demuxer demux(const Encoded& file) {
  const WebPData data{data_of(file.bytes), file.bytes.size()};
  WebPDemuxState state;  // of a file that ends early too
  return {WebPDemuxPartial(&data, &state), WebPDemuxDelete};
}

/// Decodes what is there of a file that ends early; gives how many rows. The others stay as they
/// are.
int decode_beginning(const Encoded& file, std::vector<std::uint8_t>& rgba, int width) {
  const std::unique_ptr<WebPIDecoder, decltype(&WebPIDelete)> decoder(
      WebPINewRGB(MODE_RGBA, rgba.data(), rgba.size(), 4 * width), WebPIDelete);
  if (!decoder) return 0;
  const VP8StatusCode status = WebPIUpdate(decoder.get(), data_of(file.bytes), file.bytes.size());
  int rows = 0;  // all of them, and no error, where nothing but the end of the container is missing
  if (status == VP8_STATUS_SUSPENDED || status == VP8_STATUS_OK)
    WebPIDecGetRGB(decoder.get(), &rows, nullptr, nullptr, nullptr);
  return rows;
}

/// The content of the first chunk of a name; empty if there is none.
std::span<const std::byte> chunk(const Demuxer& demuxer, const char* name) {
  std::span<const std::byte> content;
  WebPChunkIterator found{};
  if (WebPDemuxGetChunk(demuxer.get(), name, 1, &found) != 0)
    content = std::as_bytes(std::span(found.chunk.bytes, found.chunk.size));
  WebPDemuxReleaseChunkIterator(&found);
  return content;
}

void convert_colors(std::vector<std::uint8_t>& rgba, int width, std::span<const std::byte> icc,
                    bool adobe_rgb, const Encoded& file) {
  if (icc.empty() && !adobe_rgb) return;
  const PixelLayout format{.colors = PixelLayout::Colors::rgb, .channels = 4};
  std::string problem;
  const auto transform = icc.empty() ? ColorTransform::from_adobe_rgb(format, problem)
                                     : ColorTransform::from_profile(icc, format, problem);
  if (!problem.empty()) file.warn(problem, ", its colors are taken as sRGB");
  if (!transform) return;
  const auto row = static_cast<std::size_t>(width);
  std::vector<std::uint8_t> rgb(3 * row);
  for (std::size_t at = 0; at < rgba.size(); at += 4 * row) {
    transform->convert(&rgba[at], row, rgb.data());
    for (std::size_t i = 0; i < 3 * row; ++i) rgba[at + 4 * (i / 3) + i % 3] = rgb[i];
  }
}

}  // namespace

Image decode_webp(const Encoded& file) {
  WebPBitstreamFeatures features;
  base::require(WebPGetFeatures(data_of(file.bytes), file.bytes.size(), &features) == VP8_STATUS_OK,
                ErrorCode::corrupt_file, file.name, ": libwebp cannot read it");
  file.check_size(features.width, features.height);
  const Demuxer demuxer = demux(file);
  if (features.has_animation != 0) {
    const auto frames = demuxer ? WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT) : 0;
    refuse_animation(std::max(frames, 2U), "WebP", file.name);
  }
  const auto pixels =
      static_cast<std::size_t>(features.width) * static_cast<std::size_t>(features.height);
  std::vector<std::uint8_t> rgba(pixels * 4);
  if (WebPDecodeRGBAInto(data_of(file.bytes), file.bytes.size(), rgba.data(), rgba.size(),
                         4 * features.width) == nullptr) {
    std::fill(rgba.begin(), rgba.end(), std::uint8_t{0});
    const int rows = decode_beginning(file, rgba, features.width);
    base::require(rows > 0, ErrorCode::corrupt_file, file.name, ": libwebp cannot decode it");
    file.warn("the file ends early; ", rows, " of ", features.height, " rows are there");
  }
  ExifTags exif;
  std::span<const std::byte> xmp;
  if (demuxer) {
    exif = read_exif(chunk(demuxer, "EXIF"));
    xmp = chunk(demuxer, "XMP ");
    convert_colors(rgba, features.width, chunk(demuxer, "ICCP"), exif.adobe_rgb, file);
  }
  blend_with_white(rgba.data(), pixels, rgba.data());
  rgba.resize(pixels * 3);
  return make_upright({features.width, features.height, std::move(rgba)}, exif, xmp);
}

std::vector<std::byte> encode_webp(const Image& image, int quality) {
  std::uint8_t* data = nullptr;
  const std::size_t size = WebPEncodeRGB(image.rgb.data(), image.width, image.height,
                                         3 * image.width, static_cast<float>(quality), &data);
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owned(data, WebPFree);
  base::require(size > 0, ErrorCode::unsupported, "a WebP image of ", image.width, "x",
                image.height, " cannot be written, at most ", WEBP_MAX_DIMENSION, " a side");
  const auto* first = reinterpret_cast<const std::byte*>(data);
  return {first, first + size};
}

}  // namespace streamdiffusion::image
