// The options of a server. `streamdiffusion serve` fills them from its flags.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "server/tokens.h"
#include "webrtc/peer_options.h"

namespace streamdiffusion::server {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

struct Limits {
  /// Streams that run at once, 1..1024.
  int sessions = 4;
  /// Models in memory at once, the one that the server starts with among them, 1..64.
  int models = 3;
  /// Images a second that every stream can have at least: one that the device is too slow for,
  /// beside the others, is not let in (server/sessions/admission.h). 0 means that all are.
  double min_fps = 0;
  /// Clients that wait for a session slot, 0..10000.
  int waiting = 32;
  /// Open connections, including those of page requests, 1..100000.
  int connections = 256;
  /// Open connections of one IPv4 address or one IPv6 network (/64).
  int connections_per_client = 32;
  /// Largest width and height of a stream, in pixels.
  int side = 1024;
  /// Most denoising steps of a stream, 1..50.
  int steps = 8;
  /// Most work of a stream's frame: pixels of the image times rows of the UNet
  /// (server/work_limit.h). The settings that streams start with are allowed in any case.
  std::int64_t work = std::int64_t{1} << 22;
  /// Most sets of LoRA scales that streams use at once, 1..1024, with that of the start. Each is a
  /// copy of the weights that the LoRAs change.
  int lora_scale_sets = 4;
  /// Size of one WebSocket message or HTTP body, in bytes.
  std::size_t message_bytes = 8U << 20U;
  /// Size of a text message or a body that holds only parameters, in bytes. Twice what the longest
  /// list of prompts needs.
  std::size_t json_bytes = std::size_t{512} << 10U;
  /// Pixels of an image that a client sends.
  std::int64_t image_pixels = std::int64_t{1} << 24;
  /// HTTP requests per second from one address. Bursts of twice as many pass.
  double requests_per_second = 50;
  /// Messages per second on one WebSocket. Bursts of twice as many pass.
  double messages_per_second = 500;
  /// A session without a message for this long ends. 0 means never.
  Milliseconds idle = 120s;
  /// Time for the TLS handshake, and for the header of a request.
  Milliseconds header = 10s;
  /// Time for the body of a request.
  Milliseconds body = 30s;
  /// Time from a request for an image until its response.
  Milliseconds request = 120s;
  /// Time to send one response or image.
  Milliseconds write = 30s;
  /// An idle connection is closed after this time.
  Milliseconds keep_alive = 60s;
  /// A WebSocket without a sign of life from its client is sent a ping after this time, and closed
  /// after twice this time.
  Milliseconds ping = 20s;
  /// Time from the order to stop until sessions are drained. They go on as before meanwhile, and no
  /// new one is accepted.
  Milliseconds lame_duck = 0s;
  /// Time from then until running sessions are cut off.
  Milliseconds drain = 10s;
};

/// WebRTC connections. Each is a process of its own.
struct WebRtcOptions {
  /// The program streamdiffusion-webrtc. Empty: there is no WebRTC.
  std::string program;
  /// Without addresses, those that the server listens on.
  webrtc::NetworkOptions network;
};

struct ServerOptions {
  /// Address or name to listen on.
  std::string host = "localhost";
  /// 0 picks a free port.
  std::uint16_t port = 7860;
  /// If there is none, none is required.
  std::vector<Token> tokens;
  /// Allow other machines to connect without a token.
  bool insecure = false;
  /// "https://example.org[:port]", or "*" for any. Their hosts are accepted as the server's own.
  std::vector<std::string> allowed_origins;
  /// PEM files. Set both or neither.
  std::string certificate, key;
  /// TLS with a certificate that is generated at the start.
  bool self_signed = false;
  /// "[HOST:]PORT" for control by OSC, or empty; where its answers go; and whether HOST may be one
  /// that other machines reach (osc/port.h).
  std::string osc, osc_reply;
  bool osc_insecure = false;
  WebRtcOptions webrtc;
  /// The program's version, for /api/settings.
  std::string version;
  Limits limits;
};

/// Throws invalid_argument naming the flag. Rejected are: a host that other machines can reach
/// without a token or `insecure`, a token with characters that a cookie cannot hold, one with a
/// share of the device where `min_fps` is 0, and a certificate without its key or the reverse.
void check(const ServerOptions& options);

/// True for "localhost", 127.0.0.0/8 and ::1.
bool is_loopback(const std::string& host);

}  // namespace streamdiffusion::server
