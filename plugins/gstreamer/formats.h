// GStreamer's raw video and the library's frames.
#pragma once

#include <gst/video/video.h>

#include <memory>

#include "streamdiffusion/frame.h"

namespace streamdiffusion::gst {

/// What both pads take and give, of any size.
constexpr const char* kCaps =
    GST_VIDEO_CAPS_MAKE("{ RGB, BGR, RGBx, BGRx, RGBA, BGRA, ARGB, NV12, I420 }");

/// A buffer that is mapped until the object goes away.
class MappedFrame {
 public:
  /// Null if the buffer does not have what `info` says.
  static std::shared_ptr<MappedFrame> map(const GstVideoInfo& info, GstBuffer* buffer,
                                          GstMapFlags flags);
  ~MappedFrame();
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;

  FrameView view() const;
  FrameTarget target();

 private:
  MappedFrame() = default;
  GstVideoFrame frame_{};
};

/// Caps of the output that the peer of `pad` takes: this size with square pixels, the rate of the
/// input, and its format where possible. With `may_drop` a variable rate is preferred, with the
/// input's as the highest. Null if there are none. The caller owns the result.
GstCaps* output_caps(const GstVideoInfo& input, int width, int height, bool may_drop, GstPad* pad);

}  // namespace streamdiffusion::gst
