// Packets read and written by liblo.
#include "osc/packet.h"

#include <lo/lo.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/printable.h"
#include "json/quote.h"

namespace streamdiffusion::osc {
namespace {

constexpr ErrorCode kBadPacket = ErrorCode::invalid_argument;
constexpr std::string_view kBundle("#bundle\0", 8);
/// Of a bundle's head and its time.
constexpr std::size_t kBundleHead = 16;
constexpr std::string_view kTypes = "ifhdsSTF";

struct FreeMessage {
  void operator()(lo_message message) const { lo_message_free(message); }
};
using OwnedMessage = std::unique_ptr<std::remove_pointer_t<lo_message>, FreeMessage>;

std::size_t padded(std::size_t bytes) {
  return (bytes + 3) / 4 * 4;
}

/// A text that ends with a zero, padded to four bytes, from `offset` on.
std::string_view text_at(std::string_view bytes, std::size_t offset, const char* what) {
  const std::size_t end = offset < bytes.size() ? bytes.find('\0', offset) : std::string_view::npos;
  base::require(end != std::string_view::npos && padded(end + 1) <= bytes.size(), kBadPacket,
                "an OSC message of ", bytes.size(), " bytes ends within its ", what);
  return bytes.substr(offset, end - offset);
}

/// 0.7F as 0.7.
double shortest(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double out = 0;
  std::from_chars(text, end, out);
  return std::isfinite(value) ? out : static_cast<double>(value);
}

template <typename T>
T value_at(const void* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// OSC aligns arguments to 4 bytes, and a lo_arg may need 8.
Argument argument_of(char type, const void* bytes) {
  switch (type) {
    case 'i':
      return std::int64_t{value_at<std::int32_t>(bytes)};
    case 'h':
      return value_at<std::int64_t>(bytes);
    case 'f':
      return shortest(value_at<float>(bytes));
    case 'd':
      return value_at<double>(bytes);
    case 'T':
    case 'F':
      return type == 'T';
    default:
      return std::string(static_cast<const char*>(bytes));
  }
}

bool is_utf8(std::string_view text) {
  char32_t code = 0;
  while (!text.empty()) {
    const std::size_t bytes = base::read_utf8(text, code);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

/// A text of another encoding would become a prompt that nobody wrote.
void check_text(const Message& message) {
  const auto* text = std::get_if<std::string>(&message.arguments.back());
  base::require(text == nullptr || is_utf8(*text), kBadPacket, json::quote(message.address),
                ": argument ", message.arguments.size(), " is ",
                json::quote(text == nullptr ? std::string_view() : *text),
                ", expected text in UTF-8");
}

Message read_message(std::string_view bytes) {
  const std::string_view address = text_at(bytes, 0, "address");
  base::require(address.starts_with('/'), kBadPacket, "an OSC address is ", json::quote(address),
                ", expected one that begins with /");
  const std::size_t start = padded(address.size() + 1);
  if (start == bytes.size()) return {std::string(address), {}};  // as old programs send it
  const std::string_view types = text_at(bytes, start, "types");
  base::require(types.starts_with(',') && types.size() - 1 <= kMaxArguments, kBadPacket,
                json::quote(address), " has the OSC types ", json::quote(types.substr(0, 32)),
                ", expected a comma and at most ", kMaxArguments);
  const std::size_t other = types.find_first_not_of(kTypes, 1);
  if (other != std::string_view::npos) {
    base::fail(kBadPacket, json::quote(address), ": argument ", other, " has the OSC type ",
               json::quote(types.substr(other, 1)), ", expected one of i f h d s S T F");
  }
  std::vector<std::uint32_t> aligned(bytes.size() / 4);
  std::memcpy(aligned.data(), bytes.data(), aligned.size() * 4);
  int result = 0;
  const OwnedMessage message(lo_message_deserialise(aligned.data(), aligned.size() * 4, &result));
  base::require(message != nullptr, kBadPacket, json::quote(address),
                ": its arguments do not have the length that their OSC types ",
                json::quote(types.substr(0, 32)), " say");
  Message out{std::string(address), {}};
  lo_arg** values = lo_message_get_argv(message.get());
  const int count = lo_message_get_argc(message.get());
  const char* given = lo_message_get_types(message.get());
  for (int i = 0; i < count; ++i) {
    out.arguments.push_back(argument_of(given[i], values[i]));
    check_text(out);
  }
  return out;
}

std::size_t length_at(std::string_view bytes, std::size_t offset) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    length = length << 8U | static_cast<unsigned char>(bytes[offset + i]);
  }
  return length;
}

void read_element(std::string_view bytes, int depth, std::vector<Message>& out) {
  base::require(bytes.size() % 4 == 0 && !bytes.empty(), kBadPacket, "an OSC packet has ",
                bytes.size(), " bytes, expected a multiple of 4");
  if (!bytes.starts_with(kBundle)) {
    base::require(out.size() < kMaxMessages, kBadPacket, "an OSC packet has more than ",
                  kMaxMessages, " messages");
    return out.push_back(read_message(bytes));
  }
  base::require(depth < kMaxBundleDepth, kBadPacket, "OSC bundles are nested deeper than ",
                kMaxBundleDepth);
  base::require(bytes.size() >= kBundleHead, kBadPacket, "an OSC bundle has ", bytes.size(),
                " bytes, expected at least ", kBundleHead);
  for (std::size_t at = kBundleHead; at < bytes.size();) {
    const std::size_t length = length_at(bytes, at);
    at += 4;
    base::require(length <= bytes.size() - at, kBadPacket, "an element of an OSC bundle has ",
                  length, " bytes, but only ", bytes.size() - at, " follow");
    read_element(bytes.substr(at, length), depth + 1, out);
    at += length;
  }
}

struct Add {
  lo_message message;
  void operator()(std::int64_t value) const {
    const bool small = value >= std::numeric_limits<std::int32_t>::min() &&
                       value <= std::numeric_limits<std::int32_t>::max();
    small ? lo_message_add_int32(message, static_cast<std::int32_t>(value))
          : lo_message_add_int64(message, value);
  }
  void operator()(double value) const { lo_message_add_float(message, static_cast<float>(value)); }
  void operator()(bool value) const {
    value ? lo_message_add_true(message) : lo_message_add_false(message);
  }
  void operator()(const std::string& value) const { lo_message_add_string(message, value.c_str()); }
};

}  // namespace

bool available() {
  return true;
}

std::vector<Message> read_packet(std::string_view datagram) {
  base::require(datagram.size() <= kMaxDatagramBytes, kBadPacket, "an OSC packet has more than ",
                kMaxDatagramBytes, " bytes");
  std::vector<Message> messages;
  read_element(datagram, 0, messages);
  return messages;
}

std::string write_packet(const Message& message) {
  const OwnedMessage out(lo_message_new());
  for (const Argument& argument : message.arguments) std::visit(Add{out.get()}, argument);
  std::size_t size = 0;
  void* bytes = lo_message_serialise(out.get(), message.address.c_str(), nullptr, &size);
  base::require(bytes != nullptr, ErrorCode::internal, "an OSC message cannot be written");
  std::string packet(static_cast<const char*>(bytes), size);
  std::free(bytes);
  return packet;
}

}  // namespace streamdiffusion::osc
