// Converts between FFmpeg's frames and RGB images, with libswscale.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "image/color.h"
#include "media/av.h"
#include "media/still_metadata.h"
#include "media/tone_map.h"
#include "streamdiffusion/image.h"

struct SwsContext;

namespace streamdiffusion::media {

struct SwsFree {
  void operator()(SwsContext* context) const;
};

/// How a stream's frames are to be displayed.
struct Display {
  /// As in EXIF, 1..8.
  int orientation = 1;
  /// Width of a pixel divided by its height.
  AVRational aspect{1, 1};
  /// ICC; empty where frames say how their colors are meant.
  std::vector<std::byte> profile = {};
};

/// The ICC profile of a stream of images: the still image's, or the container's.
std::vector<std::byte> profile_of(const AVStream& stream, const StillMetadata& still);

/// The EXIF orientation of a container's display matrix (libavutil/display.h), rounded to a
/// multiple of 90 degrees.
int orientation_of(const std::int32_t* matrix);

/// Converts decoded frames to RGB images, upright, with square pixels, laid on white where they are
/// transparent, HDR tone-mapped to SDR, others with an ICC profile brought to sRGB. Any thread;
/// calls run one at a time.
class FrameToImage {
 public:
  /// `name` is what warnings call the source.
  explicit FrameToImage(Display display, std::string name = {})
      : display_(std::move(display)), name_(std::move(name)) {}
  /// `still`: what the frame's own file says, or null. Throws unsupported for a frame over the
  /// limits of image_file.h or of an unknown pixel format, and what decode_image() throws.
  Image operator()(const AVFrame& frame, const StillMetadata* still = nullptr);
  /// The size of the image for a frame of this size.
  std::pair<int, int> size(int width, int height) const;

 private:
  std::pair<int, int> square_pixel_size(int width, int height) const;

  void convert_colors(const AVFrame& decoded, const StillMetadata* still, AVFrame& rgb);

  Display display_;
  std::string name_;
  std::mutex mutex_;
  std::unique_ptr<SwsContext, SwsFree> scaler_;
  ToneMap tone_map_;
  /// Of the last profile; null where it is sRGB's or of no use.
  std::unique_ptr<image::ColorTransform> colors_;
  std::vector<std::byte> profile_;
  bool gray_ = false;
};

/// Converts images to frames of an encoder's pixel format; YUV is BT.601, limited range.
class ImageToFrame {
 public:
  explicit ImageToFrame(AVPixelFormat format) : format_(format) {}
  AvFrame operator()(const Image& image);

 private:
  AVPixelFormat format_;
  std::unique_ptr<SwsContext, SwsFree> scaler_;
};

}  // namespace streamdiffusion::media
