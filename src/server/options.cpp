#include "server/options.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::server {
namespace {

using base::require;

}  // namespace

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

void check(const ServerOptions& options) {
  const ErrorCode bad = ErrorCode::invalid_argument;
  require(!options.host.empty(), bad, "--host is empty, expected an address or a name");
  require(is_loopback(options.host) || !options.tokens.empty() || options.insecure, bad, "--host ",
          options.host,
          ": other machines could use this server; expected --token TOKEN (at least 8 characters), "
          "or --insecure to allow everyone");
  check(options.tokens);
  const bool shares =
      std::ranges::any_of(options.tokens, [](const Token& t) { return t.load < 1; });
  require(!shares || options.limits.min_fps > 0, bad,
          "--token-file gives a token a load, a share of the device at --min-fps images a second; "
          "expected --min-fps");
  require(options.certificate.empty() == options.key.empty(), bad,
          "--cert and --key must be given together, found only one");
  require(!options.self_signed || options.certificate.empty(), bad,
          "--self-signed and --cert both give a certificate, expected only one of them");
  webrtc::check(options.webrtc.network);
  for (const std::string& origin : options.allowed_origins) {
    const bool known =
        origin == "*" || origin.starts_with("http://") || origin.starts_with("https://");
    require(known && !origin.ends_with("/"), bad, "--allow-origin ", origin,
            ": expected https://HOST[:PORT], http://HOST[:PORT] or *");
  }
}

}  // namespace streamdiffusion::server
