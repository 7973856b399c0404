#include "server/options.h"

#include <algorithm>
#include <fstream>

#include "base/error.h"

namespace streamdiffusion::server {
namespace {

using base::require;
constexpr std::size_t kMinTokenLength = 8, kMaxTokenLength = 256;

bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

}  // namespace

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

std::string read_token(const std::string& file) {
  std::ifstream stream(file);
  std::string token;
  std::getline(stream, token);
  if (token.ends_with('\r')) token.pop_back();
  require(!token.empty(), ErrorCode::io, "--token-file ", file,
          stream.bad() || !stream.is_open() ? ": cannot be read" : ": the first line is empty",
          ", expected a token in its first line");
  return token;
}

void check(const ServerOptions& options) {
  const ErrorCode bad = ErrorCode::invalid_argument;
  require(!options.host.empty(), bad, "--host is empty, expected an address or a name");
  require(is_loopback(options.host) || !options.token.empty() || options.insecure, bad, "--host ",
          options.host, ": other machines could use this server; expected --token TOKEN (at least ",
          kMinTokenLength, " characters), or --insecure to allow everyone");
  require(options.token.empty() ||
              (options.token.size() >= kMinTokenLength && options.token.size() <= kMaxTokenLength &&
               std::all_of(options.token.begin(), options.token.end(), is_token_character)),
          bad, "--token: expected ", kMinTokenLength, " to ", kMaxTokenLength,
          " characters of A-Z a-z 0-9 - . _ ~");
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
