// What the server tells the process of a WebRTC peer at its start.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "webrtc/offer.h"

namespace streamdiffusion::webrtc {

/// Where connections may run, and how wide they may be. The same for all peers of a server.
struct NetworkOptions {
  /// IP addresses that candidates have; empty for all of this machine.
  std::vector<std::string> addresses;
  /// UDP ports of the candidates, 1..65535; 0 and 0 for any.
  int first_port = 0, last_port = 0;
  /// "stun://HOST:PORT", or empty. It is asked which address this machine has on the internet.
  std::string stun;
  /// "turn://USER:PASSWORD@HOST:PORT" or turns://, or empty. It relays where no other way is open.
  std::string turn;
  /// Of the video sent, in bits per second, 100000..100000000.
  std::int64_t most_bits = 6'000'000;
};

/// Throws invalid_argument naming the flag.
void check(const NetworkOptions& options);

/// What a WHIP client is told of the servers above (RFC 9725, section 4.6): values of Link header
/// fields.
std::vector<std::string> ice_server_links(const NetworkOptions& options);

struct PeerOptions {
  Role role = Role::exchange;
  std::string offer;
  NetworkOptions network;
};

std::string write(const PeerOptions& options);
/// Throws corrupt_file or invalid_argument.
PeerOptions read_peer_options(std::string_view text);

}  // namespace streamdiffusion::webrtc
