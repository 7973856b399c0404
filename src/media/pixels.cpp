// Conversion with libswscale, and the color rules for frames that do not state theirs.
#include "media/pixels.h"

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>

#include "base/error.h"
#include "base/log.h"
#include "image/alpha.h"
#include "image/exif.h"
#include "image/image_file.h"

namespace streamdiffusion::media {
namespace {

/// Video of at least this many lines that states no color space is BT.709, below it BT.601.
constexpr int kHdHeight = 720;
/// Pixel aspect ratios beyond this (or below its inverse) are errors in the file and ignored.
constexpr int kMaxAspect = 8;
/// Of a channel of 8 bits.
constexpr unsigned kMaxValue = 255;

int colorspace_of(const AVFrame& frame) {
  if (frame.colorspace == AVCOL_SPC_UNSPECIFIED || frame.colorspace == AVCOL_SPC_RGB) {
    return frame.height >= kHdHeight ? SWS_CS_ITU709 : SWS_CS_ITU601;
  }
  return frame.colorspace;
}

AvFrame new_frame(AVPixelFormat format, int width, int height) {
  AvFrame frame(av_frame_alloc());
  if (!frame) throw std::bad_alloc();
  frame->format = format;
  frame->width = width;
  frame->height = height;
  if (av_frame_get_buffer(frame.get(), 0) < 0) throw std::bad_alloc();
  return frame;
}

/// An RGBA frame over white, as RGB without gaps between rows.
Image laid_on_white(const AVFrame& frame) {
  Image image{frame.width, frame.height, {}};
  image.rgb.reserve(static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(frame.height) *
                    3);
  for (int y = 0; y < frame.height; ++y) {
    const std::uint8_t* pixel = frame.data[0] + std::ptrdiff_t{y} * frame.linesize[0];
    for (int x = 0; x < frame.width; ++x, pixel += 4) {
      const unsigned alpha = pixel[3];
      for (int channel = 0; channel < 3; ++channel) {
        const unsigned value = pixel[channel] * alpha + kMaxValue * (kMaxValue - alpha);
        image.rgb.push_back(static_cast<std::uint8_t>((value + kMaxValue / 2) / kMaxValue));
      }
    }
  }
  return image;
}

/// A copy without gaps between rows.
Image packed_image(const AVFrame& frame) {
  const auto row = static_cast<std::size_t>(frame.width) * 3;
  Image image{frame.width, frame.height, {}};
  image.rgb.resize(row * static_cast<std::size_t>(frame.height));
  for (int y = 0; y < frame.height; ++y) {
    std::memcpy(image.rgb.data() + static_cast<std::size_t>(y) * row,
                frame.data[0] + std::ptrdiff_t{y} * frame.linesize[0], row);
  }
  return image;
}

bool has_alpha(const AVFrame& frame) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  return format != nullptr && (format->flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
}

bool full_range(const AVFrame& frame) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  return frame.color_range == AVCOL_RANGE_JPEG ||
         (format != nullptr && std::strncmp(format->name, "yuvj", 4) == 0);
}

SwsContext* scaler(SwsContext* old, const AVFrame& from, AVPixelFormat format, int width,
                   int height) {
  const int flags = SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_ACCURATE_RND;
  SwsContext* context =
      sws_getCachedContext(old, from.width, from.height, static_cast<AVPixelFormat>(from.format),
                           width, height, format, flags, nullptr, nullptr, nullptr);
  base::require(context != nullptr, ErrorCode::unsupported, "frames of the pixel format ",
                from.format, " cannot be converted");
  return context;
}

bool is_gray(const AVFrame& frame) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  return format != nullptr && format->nb_components < 3 &&
         (format->flags & (AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_RGB)) == 0;
}

/// Of the frame's own file, of the frame as the decoder gives it, or of the whole stream.
std::span<const std::byte> profile_for(const AVFrame& frame, const StillMetadata* still,
                                       const std::vector<std::byte>& of_stream) {
  if (still != nullptr && !still->profile.empty()) return still->profile;
  const AVFrameSideData* own = av_frame_get_side_data(&frame, AV_FRAME_DATA_ICC_PROFILE);
  if (own != nullptr) return std::as_bytes(std::span(own->data, own->size));
  return of_stream;
}

}  // namespace

void SwsFree::operator()(SwsContext* context) const {
  sws_freeContext(context);
}

int orientation_of(const std::int32_t* m) {
  const std::int64_t a = m[0], b = m[1], c = m[3], d = m[4];
  if (std::abs(a) + std::abs(d) >= std::abs(b) + std::abs(c)) {
    if (a < 0) return d < 0 ? 3 : 2;
    return d < 0 ? 4 : 1;
  }
  if (c < 0) return b < 0 ? 7 : 6;
  return b < 0 ? 8 : 5;
}

std::pair<int, int> FrameToImage::square_pixel_size(int width, int height) const {
  const double aspect = av_q2d(display_.aspect);
  if (!(aspect > 1.0 / kMaxAspect && aspect < kMaxAspect)) return {width, height};
  if (aspect > 1) return {static_cast<int>(std::lround(width * aspect)), height};
  return {width, static_cast<int>(std::lround(height / aspect))};
}

std::pair<int, int> FrameToImage::size(int width, int height) const {
  auto [w, h] = square_pixel_size(width, height);
  if (display_.orientation >= 5) std::swap(w, h);
  return {w, h};
}

std::vector<std::byte> profile_of(const AVStream& stream, const StillMetadata& still) {
  if (!still.profile.empty()) return still.profile;
  size_t size = 0;
  const std::uint8_t* bytes = av_stream_get_side_data(&stream, AV_PKT_DATA_ICC_PROFILE, &size);
  const auto* begin = reinterpret_cast<const std::byte*>(bytes);
  return bytes == nullptr ? std::vector<std::byte>() : std::vector(begin, begin + size);
}

/// Brings the colors of `rgb`, which was made of `decoded`, to sRGB. Alpha stays.
void FrameToImage::convert_colors(const AVFrame& decoded, const StillMetadata* still,
                                  AVFrame& rgb) {
  const std::span<const std::byte> profile = profile_for(decoded, still, display_.profile);
  if (profile.empty()) return;
  const bool alpha = rgb.format == AV_PIX_FMT_RGBA, gray = is_gray(decoded);
  const int channels = alpha ? 4 : 3;
  if (gray != gray_ || !std::ranges::equal(profile, profile_)) {
    const auto colors = gray ? image::PixelLayout::Colors::gray : image::PixelLayout::Colors::rgb;
    std::string problem;
    colors_ = image::ColorTransform::from_profile(profile, {.colors = colors, .channels = channels},
                                                  problem);
    if (!problem.empty()) base::warn(name_, ": ", problem, ", its colors are taken as sRGB");
    profile_.assign(profile.begin(), profile.end());
    gray_ = gray;
  }
  if (!colors_) return;
  std::vector<std::uint8_t> row(3 * static_cast<std::size_t>(rgb.width));
  for (int y = 0; y < rgb.height; ++y) {
    std::uint8_t* pixels = rgb.data[0] + std::ptrdiff_t{y} * rgb.linesize[0];
    colors_->convert(pixels, static_cast<std::size_t>(rgb.width), row.data());
    for (int x = 0; x < rgb.width; ++x) std::memcpy(pixels + channels * x, &row[3 * x], 3);
  }
}

Image FrameToImage::operator()(const AVFrame& decoded, const StillMetadata* still) {
  if (still != nullptr && !still->file.empty()) return image::decode_image(still->file, name_);
  const std::lock_guard lock(mutex_);
  const auto [width, height] = square_pixel_size(decoded.width, decoded.height);
  image::check_image_size(width, height, "video");
  AvFrame mapped;
  if (!color_conversion(decoded).empty()) mapped = tone_map_(decoded);
  const AVFrame& frame = mapped ? *mapped : decoded;
  const bool alpha = has_alpha(frame);
  const AVPixelFormat format = alpha ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24;
  scaler_.reset(scaler(scaler_.release(), frame, format, width, height));
  const int* colors = sws_getCoefficients(colorspace_of(frame));
  sws_setColorspaceDetails(scaler_.get(), colors, full_range(frame) ? 1 : 0, colors, 1, 0, 1 << 16,
                           1 << 16);
  const AvFrame rgb = new_frame(format, width, height);
  base::require(sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, rgb->data,
                          rgb->linesize) == height,
                ErrorCode::internal, "a frame could not be converted to RGB");
  if (!mapped) convert_colors(decoded, still, *rgb);
  const int turn = still != nullptr ? still->orientation : 1;
  return image::apply_orientation(alpha ? laid_on_white(*rgb) : packed_image(*rgb),
                                  joined_orientation(turn, display_.orientation));
}

AvFrame ImageToFrame::operator()(const Image& image) {
  AVFrame rgb{};
  rgb.format = AV_PIX_FMT_RGB24;
  rgb.width = image.width;
  rgb.height = image.height;
  scaler_.reset(scaler(scaler_.release(), rgb, format_, image.width, image.height));
  const int* colors = sws_getCoefficients(SWS_CS_ITU601);
  sws_setColorspaceDetails(scaler_.get(), colors, 1, colors, 0, 0, 1 << 16, 1 << 16);
  AvFrame frame = new_frame(format_, image.width, image.height);
  const std::uint8_t* data[1]{image.rgb.data()};
  const int strides[1]{3 * image.width};
  base::require(sws_scale(scaler_.get(), data, strides, 0, image.height, frame->data,
                          frame->linesize) == image.height,
                ErrorCode::internal, "an image could not be converted for the encoder");
  return frame;
}

}  // namespace streamdiffusion::media
