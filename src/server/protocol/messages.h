// The messages of the WebSocket in both directions. See docs/protocol.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "json/json.h"
#include "server/protocol/http_error.h"

namespace streamdiffusion::server {

/// The JSON header of a client's binary message.
struct FrameHeader {
  /// 0..2^53 - 1
  std::optional<std::int64_t> seq;
  /// Time on the client's own clock.
  std::optional<double> captured;
  /// The message ends with an image of so many bytes, which control images are made of in place of
  /// the frame. 0: there is none.
  std::size_t control_bytes = 0;
};

struct BinaryFrame {
  FrameHeader header;
  /// What lies between the header and the control image; may be empty.
  std::string_view image;
};

/// Parses a binary message. Throws HttpError 400.
BinaryFrame read_binary_frame(std::string_view message);

/// The u32 length and the header of a binary message. The image's bytes follow.
std::string write_frame_header(const nlohmann::json& header);

/// A text message of a client.
struct ClientText {
  enum class Kind {
    /// {"type": "settings", "params": {...}}
    settings,
    /// {"type": "pause"}
    pause,
    /// {"type": "resume"}
    resume,
    /// {"type": "ack"}
    ack,
    /// {"type": "images", "by": "video" or "websocket"}
    images,
    /// {"status": "next_frame"}, in the legacy protocol
    next_frame,
    /// Any other object: parameters, in the legacy protocol
    parameters,
  };
  Kind kind;
  /// `params` for settings, else the whole object.
  json::Json body;
};
/// With `legacy`, an object without type and status holds parameters. Throws HttpError 400.
ClientText read_client_text(std::string_view message, bool legacy);

/// Writes JSON as valid UTF-8. Invalid bytes are replaced.
std::string dump(const nlohmann::json& json);

std::string status_message(const char* status);
/// Adds HttpError::numbers(), whole ones without a fraction.
void add_numbers(nlohmann::json& error, const HttpError& http_error);
std::string error_message(const HttpError& http_error, bool fatal);

/// A session's id is 1 to 64 characters of A-Z a-z 0-9 _ -
bool is_session_id(std::string_view id);

}  // namespace streamdiffusion::server
