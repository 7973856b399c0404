#include "formats.h"

#include <array>
#include <utility>

namespace streamdiffusion::gst {
namespace {

constexpr std::pair<GstVideoFormat, PixelFormat> kFormats[] = {
    {GST_VIDEO_FORMAT_RGB, PixelFormat::rgb},   {GST_VIDEO_FORMAT_BGR, PixelFormat::bgr},
    {GST_VIDEO_FORMAT_RGBx, PixelFormat::rgbx}, {GST_VIDEO_FORMAT_BGRx, PixelFormat::bgrx},
    {GST_VIDEO_FORMAT_RGBA, PixelFormat::rgba}, {GST_VIDEO_FORMAT_BGRA, PixelFormat::bgra},
    {GST_VIDEO_FORMAT_ARGB, PixelFormat::argb}, {GST_VIDEO_FORMAT_NV12, PixelFormat::nv12},
    {GST_VIDEO_FORMAT_I420, PixelFormat::i420}};

PixelFormat pixel_format(GstVideoFormat format) {
  for (const auto& [theirs, ours] : kFormats) {
    if (theirs == format) return ours;
  }
  return PixelFormat::rgb;  // the caps of the pads allow no other
}

template <typename Frame>
Frame described(GstVideoFrame& frame) {
  Frame out;
  out.format = pixel_format(GST_VIDEO_FRAME_FORMAT(&frame));
  out.width = GST_VIDEO_FRAME_WIDTH(&frame);
  out.height = GST_VIDEO_FRAME_HEIGHT(&frame);
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame); ++plane) {
    out.planes.at(plane) = static_cast<std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane));
    out.strides.at(plane) = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane);
  }
  const GstVideoColorimetry& color = frame.info.colorimetry;
  out.matrix = color.matrix == GST_VIDEO_COLOR_MATRIX_BT709 ? YuvMatrix::bt709 : YuvMatrix::bt601;
  out.range = color.range == GST_VIDEO_COLOR_RANGE_0_255 ? YuvRange::full : YuvRange::limited;
  return out;
}

/// One structure for each kind of rate that fits, the preferred one first.
void append_rates(GstCaps* caps, const GstStructure* base, const GstVideoInfo& input,
                  bool may_drop) {
  const int numerator = GST_VIDEO_INFO_FPS_N(&input), denominator = GST_VIDEO_INFO_FPS_D(&input);
  if (may_drop && numerator > 0) {
    GstStructure* variable = gst_structure_copy(base);
    gst_structure_set(variable, "framerate", GST_TYPE_FRACTION, 0, 1, "max-framerate",
                      GST_TYPE_FRACTION, numerator, denominator, nullptr);
    gst_caps_append_structure(caps, variable);
  }
  GstStructure* fixed = gst_structure_copy(base);
  gst_structure_set(fixed, "framerate", GST_TYPE_FRACTION, numerator, denominator, nullptr);
  gst_caps_append_structure(caps, fixed);
}

}  // namespace

std::shared_ptr<MappedFrame> MappedFrame::map(const GstVideoInfo& info, GstBuffer* buffer,
                                              GstMapFlags flags) {
  std::shared_ptr<MappedFrame> mapped(new MappedFrame);
  const bool done = gst_video_frame_map(&mapped->frame_, &info, buffer, flags) != FALSE;
  return done ? mapped : nullptr;
}

MappedFrame::~MappedFrame() {
  if (frame_.buffer != nullptr) gst_video_frame_unmap(&frame_);
}

FrameView MappedFrame::view() const {
  return described<FrameView>(const_cast<GstVideoFrame&>(frame_));
}

FrameTarget MappedFrame::target() {
  return described<FrameTarget>(frame_);
}

GstCaps* output_caps(const GstVideoInfo& input, int width, int height, bool may_drop, GstPad* pad) {
  GstCaps* wanted = gst_caps_new_empty();
  GstCaps* every = gst_caps_from_string(kCaps);
  GstStructure* any = gst_structure_copy(gst_caps_get_structure(every, 0));
  gst_caps_unref(every);
  gst_structure_set(any, "width", G_TYPE_INT, width, "height", G_TYPE_INT, height,
                    "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, nullptr);
  GstStructure* same = gst_structure_copy(any);
  gst_structure_set(same, "format", G_TYPE_STRING,
                    gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(&input)), nullptr);
  append_rates(wanted, same, input, may_drop);
  append_rates(wanted, any, input, may_drop);
  gst_structure_free(same);
  gst_structure_free(any);
  GstCaps* possible = gst_pad_peer_query_caps(pad, wanted);
  GstCaps* common = gst_caps_intersect_full(wanted, possible, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(possible);
  gst_caps_unref(wanted);
  if (gst_caps_is_empty(common)) {
    gst_caps_unref(common);
    return nullptr;
  }
  return gst_caps_fixate(common);
}

}  // namespace streamdiffusion::gst
