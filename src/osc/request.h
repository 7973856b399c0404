// What OSC messages ask of a stream. An address names a parameter of the table:
//   /streamdiffusion/NAME, /streamdiffusion/SESSION/NAME, or /NAME as existing controllers send it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "osc/packet.h"
#include "params/table.h"

namespace streamdiffusion::osc {

struct Request {
  /// Of the server; empty for all.
  std::string session;
  /// Parameters to set: name and value as JSON.
  std::map<std::string, std::string> change;
  std::optional<bool> pause;
  /// Parameters whose values are asked for.
  std::vector<std::string> questions;
  /// Whether the state is asked for (/get_status).
  bool status = false;

  /// The change as one JSON object.
  std::string change_text() const;
  /// Whether a later request can be one with this one: both only set something, in one session.
  bool joins(const Request& later) const;
  /// What the later one sets wins.
  void join(Request&& later);
};

/// What one message asks for. Without arguments, a parameter's address asks for its value. Other
/// spellings: /t_list for t_index_list, /sdmode for mode, /play for the end of /pause. Throws
/// invalid_argument naming the address and what was expected.
Request read_request(const Message& message, std::span<const params::Parameter> rows);

}  // namespace streamdiffusion::osc
