// How a server is to be run; `streamdiffusion serve` fills it from its flags.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace streamdiffusion::server {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

struct Limits {
  /// Streams that run at once, 1..1024.
  int sessions = 4;
  /// Clients that wait for a place, 0..10000.
  int waiting = 32;
  /// Open sockets, pages' requests among them.
  int connections = 256;
  /// Largest width and height of a stream, pixels.
  int side = 1024;
  /// Most denoising steps of a stream, 1..50.
  int steps = 8;
  /// One WebSocket message or HTTP body.
  std::size_t message_bytes = 8U << 20U;
  /// Of an image sent to us.
  std::int64_t image_pixels = std::int64_t{1} << 24;
  /// HTTP requests of one address; bursts of twice that pass.
  double requests_per_second = 50;
  /// Of one WebSocket; the same.
  double messages_per_second = 500;
  /// A session without a message ends; 0 for never.
  Milliseconds idle = 120s;
  /// For the TLS handshake and for a request's header.
  Milliseconds header = 10s;
  /// For a request's body.
  Milliseconds body = 30s;
  /// For one answer or image to leave.
  Milliseconds write = 30s;
  /// A connection without a request is closed.
  Milliseconds keep_alive = 60s;
  /// From the order to end until what still runs is cut off.
  Milliseconds drain = 10s;
};

struct ServerOptions {
  /// Address or name to listen on.
  std::string host = "localhost";
  /// 0 takes a free one.
  std::uint16_t port = 7860;
  /// Empty: none is asked for.
  std::string token;
  /// Listen beyond this machine without a token.
  bool insecure = false;
  /// "https://example.org[:port]", or "*" for any; their hosts are also accepted as ours.
  std::vector<std::string> allowed_origins;
  /// PEM files; both or neither.
  std::string certificate, key;
  /// TLS with a certificate made at the start.
  bool self_signed = false;
  /// Of the program, for /api/settings.
  std::string version;
  Limits limits;
};

/// Throws invalid_argument naming the flag: a host beyond this machine without token or insecure, a
/// token with characters that cannot stand in a cookie, half a pair of certificate and key.
void check(const ServerOptions& options);

/// "localhost", 127.0.0.0/8, ::1.
bool is_loopback(const std::string& host);

}  // namespace streamdiffusion::server
