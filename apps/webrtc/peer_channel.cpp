// The data channel of a peer, and how it notices that the client is gone.
#include <unistd.h>

#include "base/error.h"
#include "ending.h"
#include "peer.h"

namespace streamdiffusion::webrtc {
namespace {

/// Texts that wait for the channel to open, and bytes that may wait in it.
constexpr std::size_t kMaxEarlyTexts = 256;
constexpr guint64 kMaxBufferedBytes = guint64{4} << 20U;
constexpr auto kLook = std::chrono::milliseconds(500);
constexpr auto kConnectTime = std::chrono::seconds(20), kSilence = std::chrono::seconds(6);
/// For the last texts, and for the client to be told of the end.
constexpr auto kClosingTime = std::chrono::milliseconds(800),
               kChannelCloseTime = std::chrono::milliseconds(200);

}  // namespace

void Peer::on_channel(GstElement*, GstWebRTCDataChannel* channel, Peer* self) {
  {
    const std::lock_guard lock(self->mutex_);
    if (self->channel_ != nullptr) {
      g_printerr("streamdiffusion-webrtc: a second data channel of the client is ignored\n");
      return;
    }
    self->channel_ = channel;
    g_object_ref(channel);
  }
  g_signal_connect(channel, "on-message-string", G_CALLBACK(on_text), self);
  g_signal_connect(channel, "on-open", G_CALLBACK(on_channel_open), self);
  g_signal_connect(channel, "on-close", G_CALLBACK(on_channel_close), self);
  GstWebRTCDataChannelState state{};
  g_object_get(channel, "ready-state", &state, nullptr);
  if (state == GST_WEBRTC_DATA_CHANNEL_STATE_OPEN) on_channel_open(channel, self);
}

void Peer::on_channel_open(GstWebRTCDataChannel* channel, Peer* self) {
  std::deque<std::string> texts;
  {
    const std::lock_guard lock(self->mutex_);
    self->channel_open_ = true;
    texts.swap(self->early_texts_);
  }
  for (const std::string& text : texts) {
    gst_webrtc_data_channel_send_string(channel, text.c_str());
  }
}

void Peer::on_channel_close(GstWebRTCDataChannel*, Peer* self) {
  end_process(self->link_, "");
}

void Peer::on_text(GstWebRTCDataChannel*, const char* text, Peer* self) {
  self->heard();
  if (text != nullptr) self->link_.send(MessageKind::text, text);
}

void Peer::send_text(const std::string& text) {
  if (!offer_.data_channel) return;  // nobody listens: the server keeps it for REST
  {
    const std::lock_guard lock(mutex_);
    if (!channel_open_) {
      if (early_texts_.size() < kMaxEarlyTexts) early_texts_.push_back(text);
      return;
    }
  }
  guint64 buffered = 0;
  g_object_get(channel_, "buffered-amount", &buffered, nullptr);
  if (buffered > kMaxBufferedBytes) end_process(link_, "the client does not read its messages");
  gst_webrtc_data_channel_send_string(channel_, text.c_str());
}

void Peer::send_image(const std::string& image) {
  if (outgoing_) outgoing_->push(image);
}

// webrtcbin of Debian 12 never says that a client has vanished, so what is heard of it is watched:
// RTP packets, RTCP reports (about one a second) and texts.
void Peer::watch() {
  const auto start = Clock::now();
  for (auto next_reports = start;; std::this_thread::sleep_for(kLook)) {
    const auto now = Clock::now();
    if (!connected_) {
      if (now - start > kConnectTime) end_process(link_, "no connection within 20 s");
      continue;
    }
    const Clock::time_point heard{Clock::duration(last_heard_.load())};
    if (now - heard > kSilence) end_process(link_, "nothing was heard of the client for 6 s");
    if (outgoing_ && now >= next_reports) {
      next_reports = now + std::chrono::seconds(1);
      read_reports();
    }
  }
}

void Peer::read_reports() {
  GstPromise* promise = gst_promise_new_with_change_func(
      [](GstPromise* done, gpointer self) {
        if (gst_promise_wait(done) == GST_PROMISE_RESULT_REPLIED) {
          gst_structure_foreach(
              gst_promise_get_reply(done),
              [](GQuark, const GValue* value, gpointer user) -> gboolean {
                if (!GST_VALUE_HOLDS_STRUCTURE(value)) return TRUE;
                const GstStructure* entry = gst_value_get_structure(value);
                GstWebRTCStatsType type{};
                gst_structure_get(entry, "type", GST_TYPE_WEBRTC_STATS_TYPE, &type, nullptr);
                if (type != GST_WEBRTC_STATS_REMOTE_INBOUND_RTP) return TRUE;
                double loss = 0, round_trip = 0;
                gst_structure_get_double(entry, "fraction-lost", &loss);
                gst_structure_get_double(entry, "round-trip-time", &round_trip);
                static_cast<Peer*>(user)->outgoing_->report(loss, round_trip);
                return TRUE;
              },
              self);
        }
        gst_promise_unref(done);
      },
      this, nullptr);
  g_signal_emit_by_name(webrtc_, "get-stats", nullptr, promise);
}

void Peer::close() {
  // Taking a connection down may never return in GStreamer 1.22.
  std::thread([this] {
    if (channel_ != nullptr) {
      guint64 buffered = 1;
      while (buffered > 0) {
        g_object_get(channel_, "buffered-amount", &buffered, nullptr);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      gst_webrtc_data_channel_close(channel_);
      std::this_thread::sleep_for(kChannelCloseTime);
    }
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    end_process(link_, "");
  }).detach();
  std::this_thread::sleep_for(kClosingTime);
  end_process(link_, "");
}

}  // namespace streamdiffusion::webrtc
