// The messages of the WebSocket, both directions. See docs/protocol.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "json/json.h"
#include "server/refusal.h"

namespace streamdiffusion::server {

/// Head of a binary message of a client.
struct FrameHead {
  /// 0..2^53 - 1
  std::optional<std::int64_t> seq;
  /// The client's own clock.
  std::optional<double> captured;
};

struct BinaryFrame {
  FrameHead head;
  /// Into the message; empty where there is none.
  std::string_view image;
};

/// Takes a binary message apart. Throws Refusal 400.
BinaryFrame read_binary_frame(std::string_view message);

/// u32 length, head, image.
std::string write_binary_frame(const nlohmann::json& head, std::string_view image);

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
    /// {"status": "next_frame"}, the established protocol
    next_frame,
    /// Any other object: parameters after next_frame
    parameters,
  };
  Kind kind;
  /// `params` for settings, else the whole object.
  json::Json body;
};
/// Throws Refusal 400. `established`: an object without type and status is parameters.
ClientText read_client_text(std::string_view message, bool established);

/// JSON text that is UTF-8 whatever went in.
std::string dump(const nlohmann::json& json);

std::string status_message(const char* status);
std::string error_message(const Refusal& refusal, bool fatal);

/// Of a session's address: 1 to 64 of A-Z a-z 0-9 _ -
bool is_session_id(std::string_view id);

}  // namespace streamdiffusion::server
