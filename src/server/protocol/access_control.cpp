#include "server/protocol/access_control.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "server/protocol/client_network.h"
#include "server/protocol/cookie_value.h"

namespace streamdiffusion::server {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  });
  return out;
}

/// "example.org:80" -> "example.org", "[::1]:80" -> "[::1]"
std::string_view without_port(std::string_view host) {
  const auto bracket = host.rfind(']');
  const auto colon = host.rfind(':');
  const bool port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return port ? host.substr(0, colon) : host;
}

/// "example.org:80" -> "80", "[::1]" -> ""
std::string_view port_of(std::string_view host) {
  const std::string_view name = without_port(host);
  std::string_view port = host.substr(std::min(name.size() + 1, host.size()));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::all_of(port.begin(), port.end(), is_digit) ? port : std::string_view{};
}

/// An IP address needs no name server, so DNS rebinding cannot redirect it.
bool is_address(std::string_view host) {
  const bool v6 = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  if (v6) host = host.substr(1, host.size() - 2);
  return is_ip_address(host) && v6 == (host.find(':') != std::string_view::npos);
}

std::string_view host_of_origin(std::string_view origin) {
  const auto slashes = origin.find("://");
  return slashes == std::string_view::npos ? std::string_view{} : origin.substr(slashes + 3);
}

std::string machine_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? lower(name.data()) : "localhost";
}

}  // namespace

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned different = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const unsigned other = i < a.size() ? static_cast<unsigned char>(a[i]) : 0U;
    different |= other ^ static_cast<unsigned char>(b[i]);
  }
  return different == 0;
}

AccessControl::AccessControl(const ServerOptions& options) : origins_(options.allowed_origins) {
  for (const Token& token : options.tokens) {
    secrets_.push_back({token.secret, cookie_value(token.secret)});
  }
  const std::string machine = machine_name();
  hosts_ = {"localhost", machine, machine + ".local", lower(options.host)};
  for (const std::string& origin : origins_) {
    hosts_.push_back(lower(without_port(host_of_origin(origin))));
  }
}

Owner AccessControl::check(const Request& request) const {
  if (!is_open(request)) check_host(request);
  if (!is_allowed_origin(request)) {
    throw HttpError(403, "forbidden_origin",
                    "pages of this Origin may not use this server; add it with --allow-origin");
  }
  const bool preflight = request.method == "OPTIONS";  // browsers send it without credentials
  if (const auto owner = owner_of(request)) return *owner;
  if (is_open(request) || preflight) return 0;
  throw HttpError(401, "unauthorized",
                  "this server requires a token: open /?token=TOKEN, or send Authorization: Bearer "
                  "TOKEN");
}

void AccessControl::check_host(const Request& request) const {
  if (!request.header.contains("host")) throw_bad_request("the request has no Host, expected one");
  if (is_allowed_host(request.field("host"))) return;
  throw HttpError(403, "forbidden_host",
                  "the Host of this request is not one of this server's; add it with "
                  "--allow-origin");
}

bool AccessControl::is_open(const Request& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  return reads && (request.path == "/healthz" || request.path == "/readyz");
}

bool AccessControl::is_allowed_host(std::string_view host) const {
  const std::string name = lower(without_port(host));
  if (name.empty()) return false;
  return is_address(name) || std::find(hosts_.begin(), hosts_.end(), name) != hosts_.end();
}

bool AccessControl::is_listed_origin(const std::string& origin) const {
  return std::any_of(origins_.begin(), origins_.end(), [&](const std::string& listed) {
    return listed == "*" || lower(listed) == lower(origin);
  });
}

bool AccessControl::is_allowed_origin(const Request& request) const {
  const std::string& origin = request.field("origin");
  if (origin.empty() || is_listed_origin(origin)) return true;
  const std::string_view host = host_of_origin(origin);
  return !host.empty() && lower(host) == lower(request.field("host"));
}

std::optional<Owner> AccessControl::find(std::string_view text, std::string Secret::*member) const {
  std::optional<Owner> found;
  for (Owner owner = 0; owner < secrets_.size(); ++owner) {
    if (equal_in_constant_time(text, secrets_[owner].*member)) found = owner;
  }
  return found;
}

std::optional<Owner> AccessControl::owner_of(const Request& request) const {
  if (secrets_.empty()) return 0;
  constexpr std::string_view bearer = "bearer ";
  const std::string& authorization = request.field("authorization");
  if (lower(authorization.substr(0, bearer.size())) == bearer) {
    const auto owner = find(authorization.substr(bearer.size()), &Secret::token);
    if (owner) return owner;
  }
  if (const auto owner = owner_in_query(request)) return owner;
  for (const bool encrypted : {false, true}) {
    for (const std::string& value : cookies(request, cookie_name(request, encrypted))) {
      if (const auto owner = find(value, &Secret::cookie_value)) return owner;
    }
  }
  return std::nullopt;
}

std::optional<Owner> AccessControl::owner_in_query(const Request& request) const {
  const auto query = request.query.find("token");
  if (query == request.query.end()) return std::nullopt;
  const auto owner = find(query->second, &Secret::token);
  return owner ? owner : find(query->second, &Secret::cookie_value);
}

bool AccessControl::token_in_query(const Request& request) const {
  return owner_in_query(request).has_value();
}

/// Whoever has the cookie has it already.
std::string AccessControl::link_token(Owner owner) const {
  return secrets_.empty() ? std::string{} : secrets_.at(owner).cookie_value;
}

bool AccessControl::is_encrypted(const Request& request) const {
  const std::string origin = "https://" + lower(request.field("host"));
  return request.secure || std::any_of(origins_.begin(), origins_.end(),
                                       [&](const auto& listed) { return lower(listed) == origin; });
}

/// The prefix __Host- makes browsers refuse a cookie of this name that a subdomain or an
/// unencrypted page sets (RFC 6265bis, section 4.1.3.2).
std::string AccessControl::cookie_name(const Request& request, bool encrypted) {
  return base::concat(encrypted ? "__Host-" : "", "sd-session-", port_of(request.field("host")));
}

std::string AccessControl::cookie(const Request& request) const {
  const bool encrypted = is_encrypted(request);
  const Owner owner = owner_in_query(request).value();
  return cookie_name(request, encrypted) + "=" + secrets_[owner].cookie_value +
         "; Path=/; HttpOnly; SameSite=Strict" + (encrypted ? "; Secure" : "");
}

std::vector<std::pair<std::string, std::string>> AccessControl::cors(const Request& request) const {
  const std::string& origin = request.field("origin");
  if (origin.empty() || !is_listed_origin(origin)) return {};
  return {{"Access-Control-Allow-Origin", origin},
          {"Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS"},
          {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
          {"Access-Control-Expose-Headers", "Link, Location, X-Seed, X-Warnings"},
          {"Vary", "Origin"}};
}

}  // namespace streamdiffusion::server
