// Between the libraries' frames and dense RGB images.
#pragma once

#include <mutex>

#include "media/av.h"
#include "streamdiffusion/image.h"

struct SwsContext;

namespace streamdiffusion::media {

struct SwsFree {
  void operator()(SwsContext* context) const;
};

/// How a stream's frames are meant to be seen.
struct Showing {
  /// As EXIF counts, 1..8.
  int orientation = 1;
  /// Width of a sample by its height.
  AVRational aspect{1, 1};
};

/// EXIF's number for a container's display matrix; what is not a multiple of 90 degrees is taken
/// for the nearest.
int orientation_of(const std::int32_t* matrix);

/// Decoded frames made images: RGB, square samples, upright. Any thread, one at a time.
class ToImage {
 public:
  explicit ToImage(Showing showing) : showing_(showing) {}
  /// Throws unsupported for a frame over the limits of image_file.h.
  Image operator()(const AVFrame& frame);
  /// Size of the image that a frame of this size gives.
  std::pair<int, int> size(int width, int height) const;

 private:
  std::pair<int, int> square(int width, int height) const;

  Showing showing_;
  std::mutex mutex_;
  std::unique_ptr<SwsContext, SwsFree> scaler_;
};

/// Images made frames of an encoder's format, in BT.601 where that is YUV.
class FromImage {
 public:
  explicit FromImage(AVPixelFormat format) : format_(format) {}
  AvFrame operator()(const Image& image);

 private:
  AVPixelFormat format_;
  std::unique_ptr<SwsContext, SwsFree> scaler_;
};

}  // namespace streamdiffusion::media
