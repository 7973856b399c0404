// Who may come in: the Host a request names (against DNS rebinding), the Origin of the page that
// sent it, and the token. Applied to every request before anything else looks at it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/http.h"
#include "server/options.h"

namespace streamdiffusion::server {

class Gate {
 public:
  explicit Gate(const ServerOptions& options);

  /// Throws Refusal 403 for a Host or an Origin that is not ours, 401 for no or a wrong token.
  /// /healthz and /readyz need no token.
  void check(const Request& request) const;

  /// True where the token stands in the query and is right: the page then gets it as a cookie.
  bool token_in_query(const Request& request) const;
  /// The Set-Cookie value for it.
  std::string cookie(const Request& request) const;

  /// The headers that let a page of an allowed other origin read the answer; none for ours.
  std::vector<std::pair<std::string, std::string>> cors(const Request& request) const;

 private:
  bool host_is_ours(std::string_view host) const;
  bool origin_is_ours(const Request& request) const;
  bool origin_is_listed(const std::string& origin) const;
  bool has_token(const Request& request) const;

  std::string token_;
  std::vector<std::string> origins_;
  std::vector<std::string> hosts_;
};

/// Without telling by its time how far two texts agree.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace streamdiffusion::server
