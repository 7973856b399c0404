// Requests and responses as plain values, without a network library.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/protocol/http_error.h"
#include "server/tokens.h"

namespace streamdiffusion::server {

/// Tells whoever works on a request that its client is gone.
class Cancellation {
 public:
  void on_cancel(std::function<void()> callback) { callback_ = std::move(callback); }
  void cancel() {
    if (const auto callback = std::exchange(callback_, nullptr)) callback();
  }

 private:
  std::function<void()> callback_;
};

struct Request {
  /// "GET", ...
  std::string method;
  /// Decoded, without the query.
  std::string path;
  /// Decoded. Of several values of one name the last counts.
  std::map<std::string, std::string> query;
  /// Names are in lower case.
  std::map<std::string, std::string> header;
  std::string body;
  /// True if the request came over TLS.
  bool secure = false;
  /// Whose token it has, once AccessControl has checked it.
  Owner owner = 0;
  /// Null if nobody watches the client.
  std::shared_ptr<Cancellation> cancellation;

  /// The value of a header field, or an empty string.
  const std::string& field(const std::string& name) const;
  /// Type and subtype of the Content-Type without its parameters, in lower case (RFC 9110, section
  /// 8.3.1); empty if there is none.
  std::string media_type() const;
};

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> header;
  /// The same for all clients, and no secret: it may be compressed, and kept.
  bool shared = false;
};

using Reply = std::function<void(Response)>;

/// Splits a request target into path and query. One with scheme and host, as proxies are sent it,
/// also sets the field `host` (RFC 9112, section 3.2.2); `*` of the method OPTIONS is the path `*`.
/// Throws HttpError 400 if the target is none of these, is not UTF-8 after decoding, or contains a
/// control character.
void read_target(std::string_view target, Request& request);

/// Whether an Accept or Accept-Encoding names `wanted` (RFC 9110, section 12.5), and not with a
/// weight of 0. `wanted` is in lower case.
bool is_accepted(std::string_view list, std::string_view wanted);

/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

/// The one that this server speaks (RFC 6455).
inline constexpr const char* kWebSocketVersion = "13";

bool is_utf8(std::string_view text);

/// The values of all cookies with this name.
std::vector<std::string> cookies(const Request& request, std::string_view name);

/// Adds a header field, unless the response has one of that name.
void add_default(const std::pair<std::string, std::string>& field, Response& response);

/// {"error": {...}} with the headers of its status.
Response error_response(const HttpError& http_error);

/// Standard or URL-safe base64, with or without padding, with or without a "data:...," prefix, on
/// one line or on several. A data: address without ";base64" (RFC 2397) is percent-encoding.
/// Returns nothing for invalid input.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace streamdiffusion::server
