#include "server/protocol/request_rules.h"

#include <algorithm>

#include "base/lower_case.h"
#include "json/quote.h"

namespace streamdiffusion::server {
namespace {

constexpr const char* kContinue = "100-continue";
constexpr std::size_t kKeyDigits = 24, kKeyBytes = 16;

bool is_in_no_host(unsigned char c) {
  constexpr std::string_view delimiters = R"(/?#@\"<>^`{|})";
  return c <= ' ' || c >= 0x7f || delimiters.find(static_cast<char>(c)) != std::string_view::npos;
}

/// A port may also be empty.
bool is_number(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string lower_word(std::string_view text) {
  return base::lower_case(std::string(trimmed(text)));
}

/// The charset of a Content-Type, in lower case and without quotes; empty if it names none.
std::string charset_of(std::string_view type) {
  for (std::size_t mark = type.find(';'); mark != std::string_view::npos; mark = type.find(';')) {
    type.remove_prefix(mark + 1);
    const std::string parameter = lower_word(type.substr(0, type.find(';')));
    constexpr std::string_view name = "charset=";
    if (!parameter.starts_with(name)) continue;
    std::string value = parameter.substr(name.size());
    if (value.size() > 1 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    return value;
  }
  return {};
}

void check_charset(const Request& request) {
  const std::string& type = request.field("content-type");
  const std::string charset = charset_of(type);
  if (charset.empty() || charset == "utf-8" || charset == "utf8") return;
  throw HttpError(415, "unsupported_media_type",
                  "the body is of type " + json::quote(type) + ", expected JSON in UTF-8");
}

}  // namespace

void check_lines(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, bytes.find("\r\n\r\n"));
  for (const std::string_view fold : {"\n ", "\n\t"}) {
    if (head.find(fold) != std::string_view::npos) {
      throw_bad_request("a header line begins with a space, expected one line for each field");
    }
  }
}

void check_framing(const Request& request, bool http_1_0) {
  const auto found = request.header.find("transfer-encoding");
  if (found == request.header.end()) return;
  if (base::lower_case(found->second) != "chunked") {
    throw HttpError(501, "not_implemented",
                    "Transfer-Encoding is " + json::quote(found->second) + ", expected chunked");
  }
  if (http_1_0 || request.header.contains("content-length")) {
    throw_bad_request("Transfer-Encoding stands beside a Content-Length or in an HTTP/1.0 request");
  }
}

void settle_expectation(Request& request, bool http_1_0) {
  const auto found = request.header.find("expect");
  if (found == request.header.end()) return;
  std::string_view rest = found->second;
  while (!rest.empty()) {  // of several equal ones one remains
    const std::size_t comma = rest.find(',');
    const std::string member = lower_word(rest.substr(0, comma));
    if (!member.empty() && member != kContinue) {
      throw HttpError(417, "expectation_failed",
                      "Expect is " + json::quote(found->second) + ", expected " + kContinue);
    }
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  if (http_1_0) {
    request.header.erase(found);
  } else {
    found->second = kContinue;
  }
}

void check_host(std::string_view host) {
  const bool v6 = host.starts_with('[');
  const std::size_t end = host.find(v6 ? ']' : ':');
  const std::string_view rest =
      end == std::string_view::npos ? "" : host.substr(end + (v6 ? 1 : 0));
  const bool port = rest.empty() || (rest.front() == ':' && is_number(rest.substr(1)));
  const bool closed = !v6 || end != std::string_view::npos;
  if (port && closed && std::ranges::none_of(host, is_in_no_host)) return;
  throw_bad_request("the Host is ", json::quote(host), ", expected a name and maybe a port");
}

void check_media_type(const Request& request, bool images) {
  const std::string& coding = request.field("content-encoding");
  if (!coding.empty() && coding != "identity") {
    throw HttpError(
        415, "unsupported_media_type",
        "the body is encoded with " + json::quote(coding) + ", expected no Content-Encoding");
  }
  const std::string name = request.media_type();
  if (name.empty() || name == "application/json") return check_charset(request);
  if (images && name.starts_with("image/")) return;
  throw HttpError(415, "unsupported_media_type",
                  "the body is of type " + json::quote(request.field("content-type")) +
                      ", expected application/json" + (images ? " or image/*" : ""));
}

void check_web_socket(const Request& request, bool is_upgrade) {
  const std::string& version = request.field("sec-websocket-version");
  if (!is_upgrade || version != kWebSocketVersion) {
    throw HttpError(426, "upgrade_required",
                    is_upgrade ? "Sec-WebSocket-Version is " + json::quote(version) +
                                     ", expected " + kWebSocketVersion
                               : "this address is a WebSocket, expected an Upgrade request");
  }
  const std::string& key = request.field("sec-websocket-key");
  const auto bytes = base64_decode(key);
  if (key.size() == kKeyDigits && bytes && bytes->size() == kKeyBytes) return;
  throw_bad_request("Sec-WebSocket-Key is ", json::quote(key), ", expected 16 bytes in base64");
}

}  // namespace streamdiffusion::server
