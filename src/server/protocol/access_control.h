// Access control. Every request is checked before anything else reads it: its Host (against DNS
// rebinding), the Origin of the page that sent it, and its token.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/options.h"
#include "server/protocol/http.h"

namespace streamdiffusion::server {

class AccessControl {
 public:
  explicit AccessControl(const ServerOptions& options);

  /// Throws HttpError 403 for a foreign Host or Origin, and 401 for a missing or wrong token.
  /// What is_open() needs no token, and may have any Host or none. Returns whose token it is.
  Owner check(const Request& request) const;
  /// GET and HEAD of /healthz and /readyz: load balancers ask by a name of theirs, or by none.
  static bool is_open(const Request& request);

  /// True if the query holds the right token, or what link_token() gives for it. The browser then
  /// gets a cookie.
  bool token_in_query(const Request& request) const;
  /// What addresses that are handed on have as their token: it opens this server, and every other
  /// with the owner's token, as long as that is valid, and does not tell the token. Empty where no
  /// token is needed. `owner` is that of a checked request.
  std::string link_token(Owner owner) const;
  /// The Set-Cookie value for that. It holds cookie_value() and not the token, because cookies
  /// ignore ports: other servers of this host receive it too. Its name has the port of `Host`, so
  /// that they do not replace it. To be called where token_in_query().
  std::string cookie(const Request& request) const;

  /// The headers that let a page of an allowed other origin read the response. None for the
  /// server's own pages.
  std::vector<std::pair<std::string, std::string>> cors(const Request& request) const;

 private:
  /// Throws HttpError 400 for no Host and 403 for a foreign one.
  void check_host(const Request& request) const;
  bool is_allowed_host(std::string_view host) const;
  bool is_allowed_origin(const Request& request) const;
  bool is_listed_origin(const std::string& origin) const;
  std::optional<Owner> owner_of(const Request& request) const;
  std::optional<Owner> owner_in_query(const Request& request) const;

  /// Whether the browser speaks TLS, to this server or to a proxy in front of it.
  bool is_encrypted(const Request& request) const;
  static std::string cookie_name(const Request& request, bool encrypted);

  struct Secret {
    std::string token, cookie_value;
  };
  /// Of which one is equal to the text, in a time that does not depend on where they differ.
  std::optional<Owner> find(std::string_view text, std::string Secret::*member) const;

  std::vector<Secret> secrets_;
  std::vector<std::string> origins_;
  std::vector<std::string> hosts_;
};

/// Compares in a time that does not depend on where the texts differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace streamdiffusion::server
