#include "server/protocol/http.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/lower_case.h"
#include "base/percent_encode.h"
#include "json/quote.h"
#include "server/protocol/messages.h"
#include "server/protocol/request_rules.h"

namespace streamdiffusion::server {
namespace {

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

std::string decode_or_throw(std::string_view text, bool form) {
  auto decoded = base::percent_decode(text, form);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const bool valid = decoded && is_utf8(*decoded) &&
                     (form || std::none_of(decoded->begin(), decoded->end(), control));
  if (!valid) throw_bad_request("the address is not well-formed, expected UTF-8 with %XX escapes");
  return *std::move(decoded);
}

void read_query(std::string_view rest, Request& request) {
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    std::string name = decode_or_throw(pair.substr(0, equals), true);
    if (!request.query.emplace(std::move(name), decode_or_throw(value, true)).second) {
      throw_bad_request("the address has a name twice in its query");
    }
  }
}

/// Takes scheme and host from the front of a target. Returns false where it has none.
bool take_authority(std::string_view& target, Request& request) {
  const std::size_t slashes = target.find("://");
  if (slashes == std::string_view::npos) return false;
  const std::string scheme = base::lower_case(std::string(target.substr(0, slashes)));
  if (scheme != "http" && scheme != "https") return false;
  target.remove_prefix(slashes + 3);
  const std::string_view host = target.substr(0, target.find_first_of("/?#"));
  if (host.empty()) throw_bad_request("the address has no host after ", scheme, "://");
  check_host(host);
  request.header["host"] = host;
  target.remove_prefix(host.size());
  return true;
}

/// ";q=0", "; q=0.000"
bool is_refused(std::string_view weight) {
  const std::size_t equals = weight.find('=');
  if (equals == std::string_view::npos) return false;
  return trimmed(weight.substr(equals + 1)).find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

const std::string& Request::field(const std::string& name) const {
  static const std::string none;
  const auto it = header.find(name);
  return it == header.end() ? none : it->second;
}

std::string Request::media_type() const {
  const std::string& type = field("content-type");
  return base::lower_case(type.substr(0, type.find_first_of("; \t")));
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    if (length == 0 || text.size() - i < length) return false;
    std::uint32_t code = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0U) != 0x80U) return false;
      code = (code << 6U) | (next & 0x3fU);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    i += length;
  }
  return true;
}

void read_target(std::string_view target, Request& request) {
  const std::string_view whole = target;
  const bool with_host = take_authority(target, request);
  target = target.substr(0, target.find('#'));
  const auto mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  const bool everything = whole == "*" && request.method == "OPTIONS";
  if (!path.starts_with('/') && !everything && !(with_host && path.empty())) {
    throw_bad_request("the address is ", json::quote(whole),
                      ", expected a path that begins with /, or a whole one with http://");
  }
  request.path = path.empty() ? "/" : decode_or_throw(path, false);
  if (mark != std::string_view::npos) read_query(target.substr(mark + 1), request);
}

std::vector<std::string> cookies(const Request& request, std::string_view name) {
  std::vector<std::string> found;
  std::string_view rest = request.field("cookie");
  while (!rest.empty()) {
    const auto end = rest.find(';');
    const std::string_view pair = trimmed(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      found.emplace_back(pair.substr(equals + 1));
    }
  }
  return found;
}

bool is_accepted(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    const std::string_view entry = list.substr(0, list.find(','));
    list.remove_prefix(std::min(entry.size() + 1, list.size()));
    const std::size_t semicolon = std::min(entry.find(';'), entry.size());
    const std::string name = base::lower_case(std::string(trimmed(entry.substr(0, semicolon))));
    if (name == wanted) return !is_refused(entry.substr(semicolon));
  }
  return false;
}

void add_default(const std::pair<std::string, std::string>& field, Response& response) {
  const bool has = std::any_of(response.header.begin(), response.header.end(),
                               [&](const auto& own) { return own.first == field.first; });
  if (!has) response.header.push_back(field);
}

Response error_response(const HttpError& http_error) {
  nlohmann::json error{{"code", http_error.code()}, {"message", http_error.what()}};
  if (!http_error.param().empty()) error["param"] = http_error.param();
  add_numbers(error, http_error);
  Response response;
  response.status = http_error.status();
  response.body = nlohmann::json{{"error", error}}.dump(-1, ' ', false,
                                                        nlohmann::json::error_handler_t::replace);
  if (http_error.status() == 429) response.header.emplace_back("Retry-After", "1");
  if (http_error.status() == 503) response.header.emplace_back("Retry-After", "5");
  if (http_error.status() == 426) {  // with both of which the client may ask again
    response.header.emplace_back("Upgrade", "websocket");
    response.header.emplace_back("Connection", "Upgrade");
    response.header.emplace_back("Sec-WebSocket-Version", kWebSocketVersion);
  }
  if (http_error.status() == 401) {
    response.header.emplace_back("WWW-Authenticate", "Bearer realm=\"streamdiffusion\"");
  }
  return response;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.starts_with("data:")) {
    const auto comma = text.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    const bool base64 = text.substr(0, comma).ends_with(";base64");
    text.remove_prefix(comma + 1);
    // No image is without a byte that such an address has to escape, and base64 has no "%".
    if (!base64 && text.find('%') != std::string_view::npos) return base::percent_decode(text);
  }
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int bit_count = 0;
  std::size_t digits = 0;
  bool padded = false;
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    padded |= c == '=';
    if (c == '=') continue;
    const int digit = base64_digit(c);
    if (digit < 0 || padded) return std::nullopt;
    ++digits;
    bits = ((bits << 6U) | static_cast<std::uint32_t>(digit)) & 0xffffffU;
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    out.push_back(static_cast<char>((bits >> static_cast<unsigned>(bit_count)) & 0xffU));
  }
  if (digits % 4 == 1) return std::nullopt;
  return out;
}

}  // namespace streamdiffusion::server
