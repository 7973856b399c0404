// What a datagram of OSC holds, and datagrams to send back (Open Sound Control 1.0,
// opensoundcontrol.org). The datagrams come from anybody: liblo reads the messages, and what it
// would print or could be made to repeat is refused before.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace streamdiffusion::osc {

/// Of the types i and h; f and d, as its shortest decimal says it; T and F; s and S.
using Argument = std::variant<std::int64_t, double, bool, std::string>;

struct Message {
  /// "/streamdiffusion/seed"
  std::string address;
  std::vector<Argument> arguments;
};

/// Bytes of a datagram, messages in it, arguments of a message, bundles in each other.
constexpr std::size_t kMaxDatagramBytes = 8192, kMaxMessages = 256, kMaxArguments = 256;
constexpr int kMaxBundleDepth = 4;

/// Whether the program was built with liblo.
bool available();

/// The messages of a datagram, in order. The times of bundles are not waited for. Throws
/// invalid_argument if it is not a packet, or exceeds one of the limits above, and for arguments of
/// other types.
std::vector<Message> read_packet(std::string_view datagram);

/// A datagram with one message. Whole numbers that fit are sent as i, others as h.
std::string write_packet(const Message& message);

}  // namespace streamdiffusion::osc
