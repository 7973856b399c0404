// One WebRTC connection: webrtcbin, what it receives, what it sends, and its data channel.
#pragma once

#include <gst/gst.h>
// webrtcbin's interface says that it may change; it has not from 1.18 to 1.26.
#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "gst_pointers.h"
#include "link.h"
#include "outgoing.h"
#include "webrtc/peer_options.h"

namespace streamdiffusion::webrtc {

/// Its signals come on GStreamer's threads. Where the connection ends, the process does
/// (ending.h), so that this object is never destroyed.
class Peer {
 public:
  /// Throws as read_offer() does, and not_found or internal where GStreamer lacks something.
  Peer(const PeerOptions& options, Link& link);
  ~Peer() = delete;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Answers the offer once the candidates are known. Throws invalid_argument where webrtcbin does
  /// not take the offer, and internal.
  std::string answer();
  void send_text(const std::string& text);
  void send_image(const std::string& image);
  /// Ends the connection and the process, once all texts are sent.
  [[noreturn]] void close();

 private:
  using Clock = std::chrono::steady_clock;

  void set_up_network();
  void connect_signals();
  void set_up_video();
  /// Of the codec and its extensions, as the answer names them.
  Ref<GstCaps> rtp_caps() const;
  Ref<GstPromise> ask(const char* signal, void* argument);
  void set_description(const char* signal, GstWebRTCSessionDescription* description);
  GstWebRTCSessionDescription* create_answer();
  void wait_for_candidates();
  std::string local_description();
  [[noreturn]] void watch();
  void read_reports();
  void heard() { last_heard_ = Clock::now().time_since_epoch().count(); }

  static void on_pad_added(GstElement* bin, GstPad* pad, Peer* self);
  static void on_channel(GstElement* bin, GstWebRTCDataChannel* channel, Peer* self);
  static void on_text(GstWebRTCDataChannel* channel, const char* text, Peer* self);
  static void on_channel_open(GstWebRTCDataChannel* channel, Peer* self);
  static void on_channel_close(GstWebRTCDataChannel* channel, Peer* self);
  static void on_state(GstElement* bin, GParamSpec* spec, Peer* self);
  static void on_gathering(GstElement* bin, GParamSpec* spec, Peer* self);
  static void on_report(GstElement* rtp, guint session, guint source, Peer* self);
  static GstBusSyncReply on_bus(GstBus* bus, GstMessage* message, gpointer self);

  const PeerOptions options_;
  const Offer offer_;
  /// SSRC of the video that is sent; 0 is none.
  const guint source_ = g_random_int() | 1U;
  Link& link_;
  GstElement *pipeline_ = nullptr, *webrtc_ = nullptr;
  std::unique_ptr<Outgoing> outgoing_;
  std::thread watch_;
  std::atomic<bool> connected_{false};
  std::atomic<Clock::rep> last_heard_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool gathered_ = false;
  /// Referenced until the process ends: webrtcbin 1.22 lets go of it too early.
  GstWebRTCDataChannel* channel_ = nullptr;
  bool channel_open_ = false;
  /// What is said before the channel is open.
  std::deque<std::string> early_texts_;
};

}  // namespace streamdiffusion::webrtc
