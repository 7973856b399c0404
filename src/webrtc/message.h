// The messages between the server and the process of one WebRTC peer, over a pair of sockets: u8
// kind, u32 length (little endian), then so many bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "streamdiffusion/frame.h"

namespace streamdiffusion::webrtc {

enum class MessageKind : std::uint8_t {
  /// To the peer, its first message: PeerOptions as JSON.
  open = 1,
  /// From the peer: its answer, SDP. The first message unless `failed` comes.
  answer = 2,
  /// Both ways: a text message of the data channel.
  text = 3,
  /// Both ways: an image, as write_image_head() and the planes.
  image = 4,
  /// From the peer: the encoder takes one more image.
  next = 5,
  /// From the peer: the client is connected.
  connected = 6,
  /// From the peer, its last message: why there is no connection (any more). Empty: the client
  /// left.
  failed = 7,
  /// To the peer: end the connection once all texts are sent.
  close = 8,
  /// From the peer, in place of `answer` and its last message: what is wrong with the offer.
  refused = 9,
  /// To the peer, after the answer: `pong` is expected, and comes from the thread that reads.
  ping = 10,
  /// From the peer.
  pong = 11,
};

struct Message {
  MessageKind kind{};
  std::string body;
};

constexpr std::size_t kMessageHeadBytes = 5;
/// What precedes a body of so many bytes.
std::string write_message_head(MessageKind kind, std::size_t bytes);
std::string write_message(MessageKind kind, std::string_view body);

/// Puts messages together from bytes as they come.
class MessageReader {
 public:
  /// A longer body is refused.
  explicit MessageReader(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  void add(std::string_view bytes) { held_.append(bytes); }
  /// The next whole message. Throws invalid_argument for a kind that does not exist and a body that
  /// is too long.
  std::optional<Message> next();

 private:
  std::size_t most_bytes_;
  std::string held_;
  std::size_t read_ = 0;
};

/// An image in I420, without gaps: Y, U, V; BT.601, limited range, as VP8 means it (RFC 6386,
/// section 2). U and V have half the size, rounded up.
constexpr std::size_t kImageHeadBytes = 9;
std::size_t image_bytes(int width, int height);
/// The u32 width and height of an image, and its u8 mark, which the low bits of its RTP time are
/// (rtp_time.h).
std::string write_image_head(int width, int height, std::uint8_t mark = 0);
/// Of an `image` message that read_image() takes.
std::uint8_t image_mark(std::string_view body);
/// A view of an `image` message, which must outlive it. Throws invalid_argument for a size below 1
/// or with more than `most_pixels`, and for another number of bytes than the size needs.
FrameView read_image(std::string_view body, std::int64_t most_pixels);
/// Where the planes of an image of this size are written; `body` grows to hold them.
FrameTarget image_target(std::string& body, int width, int height);

}  // namespace streamdiffusion::webrtc
