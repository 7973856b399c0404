// Reads a client's offer (SDP, RFC 8866 and RFC 8829) before any library of WebRTC sees it: its
// size, its lines, and whether it offers what this server answers.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace streamdiffusion::webrtc {

constexpr std::size_t kMaxOfferBytes = 16384;

/// What the client does with its video.
enum class Role {
  /// Sends one and receives one.
  exchange,
  /// Sends alone (WHIP).
  send,
  /// Receives alone (WHEP).
  receive,
  /// As exchange, of a session whose client has a WebSocket too.
  beside,
};

const char* to_string(Role role);

enum class Codec { vp8, h264 };

const char* to_string(Codec codec);

/// The part of an offer that decides the answer.
struct Offer {
  /// Which of the media lines is the video, counted from 0, and how many there are.
  int video_line = 0, lines = 0;
  Codec codec = Codec::vp8;
  /// RTP payload type of the codec, 0..127.
  int payload_type = 0;
  /// Format parameters of the codec: "packetization-mode" and "1".
  std::vector<std::pair<std::string, std::string>> format;
  /// Id of the header extension for transport-wide congestion control, 1..255.
  std::optional<int> transport_cc;
  /// Whether lost packets can be asked for again (RFC 4585, NACK).
  bool sends_again = false;
  bool data_channel = false;
};

/// Throws invalid_argument naming the line for what is no offer, and unsupported for one that asks
/// for something else than `role`, or for what this server does not have.
Offer read_offer(std::string_view sdp, Role role);

}  // namespace streamdiffusion::webrtc
