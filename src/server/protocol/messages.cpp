#include "server/protocol/messages.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "server/parameters.h"

namespace streamdiffusion::server {

using json::Json;
using JsonValue = nlohmann::json;

namespace {

constexpr std::size_t kMaxFrameHeaderBytes = 4096, kMaxIdLength = 64;
constexpr std::int64_t kLargestExact = (std::int64_t{1} << 53) - 1;

/// What is no JSON is a message of the wrong form, too.
Json parse_message(std::string_view text, const char* name, const char* code) {
  try {
    return parse_client_json(text, name);
  } catch (const HttpError& http_error) {
    throw HttpError(http_error.status(), code, http_error.what());
  }
}

FrameHeader read_frame_header(std::string_view text) {
  FrameHeader header;
  std::string name;
  try {
    const Json object = parse_message(text, "frame", "bad_frame");
    if (!object.is(Json::Kind::object)) object.refuse("an object");
    object.allow_only({"captured", "control_bytes", "seq"});
    name = "seq";
    if (const auto seq = object.find("seq")) header.seq = seq->integer(0, kLargestExact);
    name = "captured";
    if (const auto captured = object.find("captured")) header.captured = captured->number();
    name = "control_bytes";
    if (const auto bytes = object.find("control_bytes"))
      header.control_bytes = static_cast<std::size_t>(bytes->integer(1, kLargestExact));
  } catch (const Error& error) {
    throw HttpError(400, "bad_frame", error.what(), name);
  }
  return header;
}

ClientText::Kind kind_of(const Json& object, bool legacy) {
  if (const auto type = object.find("type")) {
    const std::string& word = type->string();
    if (word == "settings") {
      object.allow_only({"type", "params"});
      return ClientText::Kind::settings;
    }
    if (word == "images") {
      object.allow_only({"type", "by"});
      const Json by = object.at("by");
      if (by.string() != "video" && by.string() != "websocket") by.refuse("video or websocket");
      return ClientText::Kind::images;
    }
    object.allow_only({"type"});
    if (word == "pause") return ClientText::Kind::pause;
    if (word == "resume") return ClientText::Kind::resume;
    if (word == "ack") return ClientText::Kind::ack;
    type->refuse("settings, pause, resume, images or ack");
  }
  if (!legacy) object.at("type");  // throws
  if (const auto status = object.find("status")) {
    if (status->string() != "next_frame") status->refuse("next_frame");
    object.allow_only({"status"});
    return ClientText::Kind::next_frame;
  }
  return ClientText::Kind::parameters;
}

}  // namespace

BinaryFrame read_binary_frame(std::string_view message) {
  if (message.size() < 4) {
    throw HttpError(400, "bad_frame",
                    base::concat("a binary message has ", message.size(),
                                 " bytes, expected a u32 length, a header and an image"));
  }
  std::size_t length = 0;
  for (int i = 3; i >= 0; --i) {
    length = (length << 8U) | static_cast<unsigned char>(message[static_cast<std::size_t>(i)]);
  }
  if (length > kMaxFrameHeaderBytes || length > message.size() - 4) {
    throw HttpError(400, "bad_frame",
                    base::concat("the header of a binary message of ", message.size(),
                                 " bytes has ", length, " bytes, expected at most ",
                                 std::min(kMaxFrameHeaderBytes, message.size() - 4)));
  }
  const FrameHeader header =
      length == 0 ? FrameHeader{} : read_frame_header(message.substr(4, length));
  const std::string_view images = message.substr(4 + length);
  if (header.control_bytes > images.size()) {
    throw HttpError(400, "bad_frame",
                    base::concat("control_bytes is ", header.control_bytes, ", expected at most ",
                                 images.size(), ", which follow the header"),
                    "control_bytes");
  }
  return {header, images.substr(0, images.size() - header.control_bytes)};
}

std::string write_frame_header(const JsonValue& header) {
  const std::string text = dump(header);
  std::string message;
  for (unsigned i = 0; i < 4; ++i) {
    message.push_back(static_cast<char>((text.size() >> (8 * i)) & 0xffU));
  }
  return message.append(text);
}

ClientText read_client_text(std::string_view message, bool legacy) {
  try {
    const Json object = parse_message(message, "message", "bad_message");
    if (!object.is(Json::Kind::object)) object.refuse("an object");
    const ClientText::Kind kind = kind_of(object, legacy);
    return {kind, kind == ClientText::Kind::settings ? object.at("params") : object};
  } catch (const Error& error) {
    throw HttpError(400, "bad_message", error.what());
  }
}

std::string dump(const JsonValue& value) {
  return value.dump(-1, ' ', false, JsonValue::error_handler_t::replace);
}

std::string status_message(const char* status) {
  return dump({{"status", status}});
}

void add_numbers(JsonValue& error, const HttpError& http_error) {
  for (const auto& [name, number] : http_error.numbers()) {
    if (number == std::trunc(number)) {
      error[name] = static_cast<std::int64_t>(number);
    } else {
      error[name] = number;
    }
  }
}

std::string error_message(const HttpError& http_error, bool fatal) {
  JsonValue message{{"status", "error"},
                    {"code", http_error.code()},
                    {"message", http_error.what()},
                    {"fatal", fatal}};
  if (!http_error.param().empty()) message["param"] = http_error.param();
  add_numbers(message, http_error);
  return dump(message);
}

bool is_session_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdLength && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
  });
}

}  // namespace streamdiffusion::server
