#include "peer.h"

#include <algorithm>

#include "base/error.h"
#include "elements.h"
#include "ending.h"
#include "incoming.h"
#include "webrtc/bundle.h"

namespace streamdiffusion::webrtc {
namespace {

/// Milliseconds that packets wait for one that is late or sent again. Without loss none waits.
constexpr guint kJitterMilliseconds = 200;
constexpr auto kGatheringTime = std::chrono::seconds(3);
constexpr const char* kTransportCc =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

GstWebRTCSessionDescription* read_description(const std::string& offer) {
  const std::string sdp = with_one_transport(offer);
  GstSDPMessage* message = nullptr;
  const bool read = gst_sdp_message_new_from_text(sdp.c_str(), &message) == GST_SDP_OK;
  base::require(read, ErrorCode::invalid_argument, "the offer is no SDP that can be read");
  return gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_OFFER, message);
}

/// Which of the offer's media lines a source pad of webrtcbin belongs to.
int line_of(GstPad* pad) {
  GObject* transceiver = nullptr;
  g_object_get(pad, "transceiver", &transceiver, nullptr);
  if (transceiver == nullptr) return -1;
  guint line = 0;
  g_object_get(transceiver, "mlineindex", &line, nullptr);
  g_object_unref(transceiver);
  return static_cast<int>(line);
}

/// libnice would look for routers in the network and have them open ports (UPnP).
void forbid_port_mappings(GObject* ice) {
  GObject* agent = nullptr;
  g_object_get(ice, "agent", &agent, nullptr);
  base::require(agent != nullptr, ErrorCode::internal, "webrtcbin's ice-agent has no agent");
  g_object_set(agent, "upnp", FALSE, nullptr);
  g_object_unref(agent);
}

}  // namespace

Peer::Peer(const PeerOptions& options, Link& link)
    : options_(options), offer_(read_offer(options.offer, options.role)), link_(link) {
  pipeline_ = gst_pipeline_new(nullptr);
  webrtc_ = add_element(GST_BIN(pipeline_), "webrtcbin");
  g_object_set(webrtc_, "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, "latency",
               kJitterMilliseconds, nullptr);
  set_up_network();
  connect_signals();
  heard();
  const bool playing =
      gst_element_set_state(pipeline_, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
  base::require(playing, ErrorCode::internal, "GStreamer's pipeline does not start");
}

void Peer::set_up_network() {
  const NetworkOptions& network = options_.network;
  GObject* agent = nullptr;
  g_object_get(webrtc_, "ice-agent", &agent, nullptr);
  base::require(agent != nullptr, ErrorCode::internal, "webrtcbin has no ice-agent");
  g_object_set(agent, "ice-tcp", FALSE, nullptr);
  forbid_port_mappings(agent);
  for (const std::string& address : network.addresses) {
    gboolean added = FALSE;
    g_signal_emit_by_name(agent, "add-local-ip-address", address.c_str(), &added);
    base::require(added != FALSE, ErrorCode::invalid_argument, "the address ", address,
                  " cannot be used for WebRTC");
  }
  if (network.first_port > 0) {
    g_object_set(agent, "min-rtp-port", network.first_port, "max-rtp-port", network.last_port,
                 nullptr);
  }
  g_object_unref(agent);
  if (!network.stun.empty()) {
    g_object_set(webrtc_, "stun-server", network.stun.c_str(), nullptr);
  }
  if (!network.turn.empty()) {
    gboolean added = FALSE;
    g_signal_emit_by_name(webrtc_, "add-turn-server", network.turn.c_str(), &added);
    base::require(added != FALSE, ErrorCode::invalid_argument, "--turn is refused by webrtcbin");
  }
}

void Peer::connect_signals() {
  const auto connect = [this](GstElement* from, const char* signal, GCallback call) {
    g_signal_connect(from, signal, call, this);
  };
  connect(webrtc_, "pad-added", G_CALLBACK(on_pad_added));
  connect(webrtc_, "on-data-channel", G_CALLBACK(on_channel));
  connect(webrtc_, "notify::connection-state", G_CALLBACK(on_state));
  connect(webrtc_, "notify::ice-gathering-state", G_CALLBACK(on_gathering));
  const Ref<GstElement> rtp(gst_bin_get_by_name(GST_BIN(webrtc_), "rtpbin"));
  if (rtp) connect(rtp.get(), "on-ssrc-active", G_CALLBACK(on_report));
  GstBus* bus = gst_element_get_bus(pipeline_);
  gst_bus_set_sync_handler(bus, on_bus, this, nullptr);
  gst_object_unref(bus);
}

Ref<GstCaps> Peer::rtp_caps() const {
  GstCaps* caps =
      gst_caps_new_simple("application/x-rtp", "media", G_TYPE_STRING, "video", "encoding-name",
                          G_TYPE_STRING, to_string(offer_.codec), "payload", G_TYPE_INT,
                          offer_.payload_type, "clock-rate", G_TYPE_INT, 90000, nullptr);
  // Also of the answer, which says by it what is sent again in which stream (RFC 4588).
  if (options_.role != Role::send) {
    gst_caps_set_simple(caps, "ssrc", G_TYPE_UINT, source_, nullptr);
  }
  for (const auto& [name, value] : offer_.format) {
    gst_caps_set_simple(caps, name.c_str(), G_TYPE_STRING, value.c_str(), nullptr);
  }
  if (offer_.sends_again) gst_caps_set_simple(caps, "rtcp-fb-nack", G_TYPE_BOOLEAN, TRUE, nullptr);
  if (offer_.transport_cc) {
    const std::string name = "extmap-" + std::to_string(*offer_.transport_cc);
    gst_caps_set_simple(caps, name.c_str(), G_TYPE_STRING, kTransportCc, nullptr);
  }
  return Ref<GstCaps>(caps);
}

/// The transceiver has to be there before the answer is made: one that webrtcbin makes for itself
/// has no preferences, and asks for no lost packet again.
void Peer::set_up_video() {
  const Ref<GstCaps> caps = rtp_caps();
  GstWebRTCRTPTransceiver* transceiver = nullptr;
  auto direction = GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY;
  if (options_.role == Role::send) {
    g_signal_emit_by_name(webrtc_, "add-transceiver", direction, caps.get(), &transceiver);
  } else {
    direction = options_.role == Role::receive ? GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY
                                               : GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDRECV;
    const std::string name = "sink_" + std::to_string(offer_.video_line);
    const Ref<GstPad> sink(gst_element_request_pad_simple(webrtc_, name.c_str()));
    base::require(sink != nullptr, ErrorCode::internal, "webrtcbin sends no video");
    outgoing_ = std::make_unique<Outgoing>(GST_BIN(pipeline_), sink.get(), caps.get(),
                                           options_.network.most_bits, link_);
    g_object_get(sink.get(), "transceiver", &transceiver, nullptr);
  }
  base::require(transceiver != nullptr, ErrorCode::internal, "webrtcbin has no transceiver");
  g_object_set(transceiver, "direction", direction, "codec-preferences", caps.get(), "do-nack",
               offer_.sends_again ? TRUE : FALSE, nullptr);
  gst_object_unref(transceiver);
  sync_states(GST_BIN(pipeline_));
}

Ref<GstPromise> Peer::ask(const char* signal, void* argument) {
  Ref<GstPromise> promise(gst_promise_new());
  g_signal_emit_by_name(webrtc_, signal, argument, promise.get());
  const bool replied = gst_promise_wait(promise.get()) == GST_PROMISE_RESULT_REPLIED;
  base::require(replied, ErrorCode::internal, "webrtcbin does not answer ", signal);
  const GstStructure* reply = gst_promise_get_reply(promise.get());
  if (reply != nullptr && gst_structure_has_field(reply, "error") != 0) {
    GError* failed = nullptr;
    gst_structure_get(reply, "error", G_TYPE_ERROR, &failed, nullptr);
    const Ref<GError> error(failed);
    base::fail(ErrorCode::invalid_argument,
               "the offer cannot be answered: ", error ? error->message : "no reason given");
  }
  return promise;
}

void Peer::set_description(const char* signal, GstWebRTCSessionDescription* description) {
  ask(signal, description);
}

GstWebRTCSessionDescription* Peer::create_answer() {
  const Ref<GstPromise> promise = ask("create-answer", nullptr);
  GstWebRTCSessionDescription* answer = nullptr;
  const GstStructure* reply = gst_promise_get_reply(promise.get());
  if (reply != nullptr) {
    gst_structure_get(reply, "answer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &answer, nullptr);
  }
  base::require(answer != nullptr, ErrorCode::invalid_argument, "the offer cannot be answered");
  return answer;
}

std::string Peer::answer() {
  GstWebRTCSessionDescription* offer = read_description(options_.offer);
  set_description("set-remote-description", offer);
  gst_webrtc_session_description_free(offer);
  set_up_video();
  GstWebRTCSessionDescription* answer = create_answer();
  set_description("set-local-description", answer);
  gst_webrtc_session_description_free(answer);
  wait_for_candidates();
  watch_ = std::thread([this] { watch(); });
  return local_description();
}

void Peer::wait_for_candidates() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kGatheringTime, [this] { return gathered_; });
}

std::string Peer::local_description() {
  GstWebRTCSessionDescription* local = nullptr;
  g_object_get(webrtc_, "local-description", &local, nullptr);
  base::require(local != nullptr, ErrorCode::internal, "webrtcbin has no local-description");
  const Ref<char> text(gst_sdp_message_as_text(local->sdp));
  gst_webrtc_session_description_free(local);
  const std::string sdp(text.get());
  base::require(sdp.find("a=candidate:") != std::string::npos, ErrorCode::internal,
                "no address of this machine can be used for WebRTC");
  return sdp;
}

void Peer::on_pad_added(GstElement*, GstPad* pad, Peer* self) {
  if (gst_pad_get_direction(pad) != GST_PAD_SRC) return;
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo*, gpointer user) {
        static_cast<Peer*>(user)->heard();
        return GST_PAD_PROBE_OK;
      },
      self, nullptr);
  try {
    if (line_of(pad) == self->offer_.video_line) {
      add_incoming(GST_BIN(self->pipeline_), pad, self->offer_.codec, self->link_);
    } else {
      g_printerr("streamdiffusion-webrtc: the client's sound is not used\n");
      drop_incoming(GST_BIN(self->pipeline_), pad);
    }
  } catch (const Error& error) {
    end_process(self->link_, error.what());
  }
}

void Peer::on_state(GstElement* bin, GParamSpec*, Peer* self) {
  GstWebRTCPeerConnectionState state{};
  g_object_get(bin, "connection-state", &state, nullptr);
  if (state == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED && !self->connected_.exchange(true)) {
    self->heard();
    self->link_.send(MessageKind::connected);
    if (self->outgoing_) self->outgoing_->set_connected();
  } else if (state == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED) {
    end_process(self->link_, "no way to the client was found, or it was lost");
  } else if (state == GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED) {
    end_process(self->link_, "");
  }
}

void Peer::on_gathering(GstElement* bin, GParamSpec*, Peer* self) {
  GstWebRTCICEGatheringState state{};
  g_object_get(bin, "ice-gathering-state", &state, nullptr);
  if (state != GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE) return;
  const std::lock_guard lock(self->mutex_);
  self->gathered_ = true;
  self->changed_.notify_all();
}

void Peer::on_report(GstElement*, guint, guint, Peer* self) {
  self->heard();
}

GstBusSyncReply Peer::on_bus(GstBus*, GstMessage* message, gpointer self) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    GError* failed = nullptr;
    gst_message_parse_error(message, &failed, nullptr);
    const Ref<GError> error(failed);
    // Its socket refuses packets: nobody is there any more.
    const bool left = g_error_matches(failed, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE) != 0;
    if (left) end_process(static_cast<Peer*>(self)->link_, "");
    end_process(static_cast<Peer*>(self)->link_, error ? error->message : "GStreamer failed");
  }
  return GST_BUS_PASS;
}

}  // namespace streamdiffusion::webrtc
