#include "incoming.h"

#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "elements.h"
#include "gst_pointers.h"

namespace streamdiffusion::webrtc {
namespace {

void copy_plane(const GstVideoFrame& from, unsigned plane, std::uint8_t* to,
                std::ptrdiff_t to_stride, std::ptrdiff_t row, int rows) {
  const auto* data = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&from, plane));
  const std::ptrdiff_t stride = GST_VIDEO_FRAME_PLANE_STRIDE(&from, plane);
  for (std::ptrdiff_t y = 0; y < rows; ++y) {
    std::copy_n(data + y * stride, row, to + y * to_stride);
  }
}

/// The decoder's image without the gaps between its rows.
std::string write_image(const GstVideoFrame& frame) {
  const int width = GST_VIDEO_FRAME_WIDTH(&frame), height = GST_VIDEO_FRAME_HEIGHT(&frame);
  std::string planes;
  const FrameTarget target = image_target(planes, width, height);
  const int half_height = (height + 1) / 2;
  copy_plane(frame, 0, target.planes[0], target.strides[0], width, height);
  copy_plane(frame, 1, target.planes[1], target.strides[1], target.strides[1], half_height);
  copy_plane(frame, 2, target.planes[2], target.strides[2], target.strides[2], half_height);
  return write_image_head(width, height).append(planes);
}

GstFlowReturn on_sample(GstAppSink* sink, gpointer user) {
  const Ref<GstSample> sample(gst_app_sink_pull_sample(sink));
  if (!sample) return GST_FLOW_EOS;
  GstVideoInfo info;
  GstVideoFrame frame;
  if (gst_video_info_from_caps(&info, gst_sample_get_caps(sample.get())) == 0 ||
      gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample.get()), GST_MAP_READ) == 0) {
    return GST_FLOW_ERROR;
  }
  const std::string image = write_image(frame);
  gst_video_frame_unmap(&frame);
  static_cast<Link*>(user)->send(MessageKind::image, image);
  return GST_FLOW_OK;
}

}  // namespace

void add_incoming(GstBin* pipeline, GstPad* source, Codec codec, Link& link) {
  GstElement* sink = add_element(pipeline, "appsink");
  const Ref<GstCaps> caps(gst_caps_from_string("video/x-raw,format=I420"));
  g_object_set(sink, "caps", caps.get(), "sync", FALSE, "async", FALSE, "max-buffers", 1U, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = on_sample;
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, &link, nullptr);
  GstElement* depay = nullptr;
  if (codec == Codec::vp8) {
    depay = add_element(pipeline, "rtpvp8depay");
    // After a loss: a key frame is asked for. What is decoded meanwhile would be torn.
    g_object_set(depay, "request-keyframe", TRUE, "wait-for-keyframe", TRUE, nullptr);
    GstElement* decoder = add_element(pipeline, "vp8dec");
    g_object_set(decoder, "threads", 1, nullptr);  // as for the encoder
    link_elements({depay, decoder, sink});
  } else {
    depay = add_element(pipeline, "rtph264depay");
    g_object_set(depay, "request-keyframe", TRUE, "wait-for-keyframe", TRUE, nullptr);
    link_elements(
        {depay, add_element(pipeline, "h264parse"), add_element(pipeline, "openh264dec"), sink});
  }
  const Ref<GstPad> entry(gst_element_get_static_pad(depay, "sink"));
  base::require(gst_pad_link(source, entry.get()) == GST_PAD_LINK_OK, ErrorCode::internal,
                "the client's video cannot be decoded");
  sync_states(pipeline);
}

void drop_incoming(GstBin* pipeline, GstPad* source) {
  GstElement* sink = add_element(pipeline, "fakesink");
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  const Ref<GstPad> entry(gst_element_get_static_pad(sink, "sink"));
  base::require(gst_pad_link(source, entry.get()) == GST_PAD_LINK_OK, ErrorCode::internal,
                "the client's sound cannot be dropped");
  sync_states(pipeline);
}

}  // namespace streamdiffusion::webrtc
