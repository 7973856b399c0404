// From the server's images to the client's RTP packets.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <string_view>

#include "link.h"
#include "webrtc/bitrate.h"
#include "webrtc/offer.h"
#include "webrtc/rtp_time.h"

namespace streamdiffusion::webrtc {

class Outgoing {
 public:
  /// Adds source, encoder and payloader to the pipeline, before this sink pad of webrtcbin. Once
  /// the client is connected, one image is asked for whenever the encoder has nothing to do, so
  /// that the newest is sent and none waits.
  Outgoing(GstBin* pipeline, GstPad* sink, const GstCaps* rtp, std::int64_t most_bits, Link& link);

  void set_connected();
  /// An `image` message. Throws invalid_argument.
  void push(std::string_view image);
  /// A receiver's report; see BitrateController.
  void report(double loss, double round_trip);

 private:
  static void on_need_data(GstElement* source, guint bytes, gpointer self);
  void ask();
  /// Since the pipeline began, in nanoseconds.
  GstClockTime running_time() const;

  Link& link_;
  GstElement *source_ = nullptr, *encoder_ = nullptr;
  BitrateController bitrate_;
  std::atomic<bool> connected_{false}, idle_{false};
  int width_ = 0, height_ = 0;
  RtpTimes times_;
};

}  // namespace streamdiffusion::webrtc
