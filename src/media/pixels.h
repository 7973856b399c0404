// Converts between FFmpeg's frames and RGB images, with libswscale.
#pragma once

#include <mutex>

#include "media/av.h"
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
};

/// The EXIF orientation of a container's display matrix (libavutil/display.h), rounded to a
/// multiple of 90 degrees.
int orientation_of(const std::int32_t* matrix);

/// Converts decoded frames to RGB images, upright, with square pixels, laid on white where they are
/// transparent, HDR tone-mapped to SDR. Any thread; calls run one at
/// a time.
class FrameToImage {
 public:
  explicit FrameToImage(Display display) : display_(display) {}
  /// Throws unsupported for a frame over the limits of image_file.h or of an unknown pixel format.
  Image operator()(const AVFrame& frame);
  /// The size of the image for a frame of this size.
  std::pair<int, int> size(int width, int height) const;

 private:
  std::pair<int, int> square_pixel_size(int width, int height) const;

  Display display_;
  std::mutex mutex_;
  std::unique_ptr<SwsContext, SwsFree> scaler_;
  ToneMap tone_map_;
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
