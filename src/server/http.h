// Requests and responses as the routes see them: plain values, no network library.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/refusal.h"

namespace streamdiffusion::server {

struct Request {
  /// "GET", ...
  std::string method;
  /// Decoded, without the query.
  std::string path;
  /// Decoded; of a name that stands twice the last.
  std::map<std::string, std::string> query;
  /// Names in lower case.
  std::map<std::string, std::string> header;
  std::string body;
  /// Of the client, without the port.
  std::string address;
  /// Came over TLS.
  bool secure = false;

  /// Empty when there is none.
  const std::string& field(const std::string& name) const;
};

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> header;
};

using Reply = std::function<void(Response)>;

/// Splits a request's target into path and query. Throws Refusal 400 for a target that is no path,
/// is not UTF-8 after decoding or holds a control character.
void read_target(std::string_view target, Request& request);

/// Decodes %XX, and '+' as a blank if `form`. Nothing for a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool form);

bool is_utf8(std::string_view text);

/// Values of all cookies with this name.
std::vector<std::string> cookies(const Request& request, std::string_view name);

/// {"error": {...}} with fitting headers.
Response error_response(const Refusal& refusal);

/// Standard base64, with or without padding, with a "data:...," prefix or without. Nothing for
/// anything else.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace streamdiffusion::server
