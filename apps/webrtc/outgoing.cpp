#include "outgoing.h"

#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "elements.h"
#include "gst_pointers.h"

namespace streamdiffusion::webrtc {
namespace {

constexpr std::int64_t kStartBits = 2'000'000, kLeastBits = 150'000;
constexpr std::int64_t kMaxPixels = std::int64_t{1} << 26;

/// Images of a diffusion model may change wholly from one to the next. A short buffer keeps one
/// large image from being followed by a queue; key frames come on request only. One thread: those
/// of libvpx spin while they wait for each other, which on busy cores takes a hundred times as
/// long. The speed is fixed (below 0): one that adapts would follow the load of the machine.
void set_up_encoder(GstElement* encoder, std::int64_t bits) {
  g_object_set(encoder, "deadline", gint64{1}, "cpu-used", -8, "threads", 1, "lag-in-frames", 0,
               "target-bitrate", static_cast<int>(bits), "keyframe-max-dist", 3000, "buffer-size",
               200, "buffer-initial-size", 100, "buffer-optimal-size", 120, "undershoot", 95,
               "overshoot", 30, "min-quantizer", 2, "max-quantizer", 56, "static-threshold", 1,
               nullptr);
  gst_util_set_object_arg(G_OBJECT(encoder), "end-usage", "cbr");
  gst_util_set_object_arg(G_OBJECT(encoder), "error-resilient", "default");
  // Times as RTP has them: two images may be less than a frame time apart.
  gst_util_set_object_arg(G_OBJECT(encoder), "timebase", "1/90000");
}

/// The meta says where the planes lie, for sizes whose rows GStreamer would pad.
GstBuffer* write_buffer(const FrameView& view, std::string_view image) {
  const std::string_view planes = image.substr(kImageHeadBytes);
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, planes.size(), nullptr);
  gst_buffer_fill(buffer, 0, planes.data(), planes.size());
  std::array<gsize, GST_VIDEO_MAX_PLANES> offsets{};
  std::array<gint, GST_VIDEO_MAX_PLANES> strides{};
  for (std::size_t i = 0; i < 3; ++i) {
    offsets[i] = static_cast<gsize>(view.planes[i] - view.planes[0]);
    strides[i] = static_cast<gint>(view.strides[i]);
  }
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420,
                                 static_cast<guint>(view.width), static_cast<guint>(view.height), 3,
                                 offsets.data(), strides.data());
  return buffer;
}

}  // namespace

Outgoing::Outgoing(GstBin* pipeline, GstPad* sink, const GstCaps* rtp, std::int64_t most_bits,
                   Link& link)
    : link_(link), bitrate_(kStartBits, std::min(kLeastBits, most_bits), most_bits) {
  source_ = add_element(pipeline, "appsrc");
  g_object_set(source_, "is-live", TRUE, "do-timestamp", FALSE, "max-buffers", guint64{2}, "block",
               FALSE, nullptr);
  gst_util_set_object_arg(G_OBJECT(source_), "format", "time");
  g_signal_connect(source_, "need-data", G_CALLBACK(on_need_data), this);
  encoder_ = add_element(pipeline, "vp8enc");
  set_up_encoder(encoder_, bitrate_.bits());
  GstElement* pay = add_element(pipeline, "rtpvp8pay");
  gst_util_set_object_arg(G_OBJECT(pay), "picture-id-mode", "15-bit");
  g_object_set(pay, "timestamp-offset", 0U, nullptr);  // so that RTP times have the marks
  GstElement* filter = add_element(pipeline, "capsfilter");
  g_object_set(filter, "caps", rtp, nullptr);
  link_elements({source_, encoder_, pay, filter});
  const Ref<GstPad> exit(gst_element_get_static_pad(filter, "src"));
  base::require(gst_pad_link(exit.get(), sink) == GST_PAD_LINK_OK, ErrorCode::internal,
                "the video cannot be sent");
}

void Outgoing::on_need_data(GstElement*, guint, gpointer self) {
  auto* outgoing = static_cast<Outgoing*>(self);
  outgoing->idle_ = true;
  outgoing->ask();
}

void Outgoing::set_connected() {
  connected_ = true;
  ask();
}

void Outgoing::ask() {
  if (connected_ && idle_.exchange(false)) link_.send(MessageKind::next);
}

void Outgoing::push(std::string_view image) {
  const FrameView view = read_image(image, kMaxPixels);
  if (view.width != width_ || view.height != height_) {
    width_ = view.width;
    height_ = view.height;
    const Ref<GstCaps> caps(gst_caps_new_simple(
        "video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, width_, "height",
        G_TYPE_INT, height_, "framerate", GST_TYPE_FRACTION, 30, 1, "pixel-aspect-ratio",
        GST_TYPE_FRACTION, 1, 1, "colorimetry", G_TYPE_STRING, "bt601", nullptr));
    gst_app_src_set_caps(GST_APP_SRC(source_), caps.get());
  }
  GstBuffer* buffer = write_buffer(view, image);
  GST_BUFFER_PTS(buffer) = nanoseconds_of(times_.next(running_time(), image_mark(image)));
  gst_app_src_push_buffer(GST_APP_SRC(source_), buffer);
}

GstClockTime Outgoing::running_time() const {
  GstClock* clock = gst_element_get_clock(source_);
  if (clock == nullptr) return 0;  // the pipeline does not run yet
  const GstClockTime now = gst_clock_get_time(clock), base = gst_element_get_base_time(source_);
  gst_object_unref(clock);
  return now > base ? now - base : 0;
}

void Outgoing::report(double loss, double round_trip) {
  const std::int64_t before = bitrate_.bits(), bits = bitrate_.report(loss, round_trip);
  if (bits != before) g_object_set(encoder_, "target-bitrate", static_cast<int>(bits), nullptr);
}

}  // namespace streamdiffusion::webrtc
