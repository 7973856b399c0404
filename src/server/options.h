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
  int sessions = 4;                       ///< Streams that run at once, 1..1024.
  int waiting = 32;                       ///< Clients that wait for a place, 0..10000.
  int connections = 256;                  ///< Open sockets, pages' requests among them.
  int side = 1024;                        ///< Largest width and height of a stream, pixels.
  std::size_t message_bytes = 8U << 20U;  ///< One WebSocket message or HTTP body.
  std::int64_t image_pixels = std::int64_t{1} << 24;  ///< Of an image sent to us.
  double requests_per_second = 50;   ///< HTTP requests of one address; bursts of twice that pass.
  double messages_per_second = 500;  ///< Of one WebSocket; the same.
  Milliseconds idle = 120s;          ///< A session without a message ends; 0 for never.
  Milliseconds header = 10s;         ///< For the TLS handshake and for a request's header.
  Milliseconds body = 30s;           ///< For a request's body.
  Milliseconds write = 30s;          ///< For one answer or image to leave.
  Milliseconds keep_alive = 60s;     ///< A connection without a request is closed.
  Milliseconds drain = 10s;          ///< From the order to end until what still runs is cut off.
};

struct ServerOptions {
  std::string host = "localhost";  ///< Address or name to listen on.
  std::uint16_t port = 7860;       ///< 0 takes a free one.
  std::string token;               ///< Empty: none is asked for.
  bool insecure = false;           ///< Listen beyond this machine without a token.
  /// "https://example.org[:port]", or "*" for any; their hosts are also accepted as ours.
  std::vector<std::string> allowed_origins;
  std::string certificate, key;  ///< PEM files; both or neither.
  bool self_signed = false;      ///< TLS with a certificate made at the start.
  std::string version;           ///< Of the program, for /api/settings.
  Limits limits;
};

/// Throws invalid_argument naming the flag: a host beyond this machine without token or insecure, a
/// token with characters that cannot stand in a cookie, half a pair of certificate and key.
void check(const ServerOptions& options);

/// "localhost", 127.0.0.0/8, ::1.
bool is_loopback(const std::string& host);

}  // namespace streamdiffusion::server
