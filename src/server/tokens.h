// The tokens of a server, and what those who send one may have together.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace streamdiffusion::server {

/// Of 8 to 256 characters A-Z a-z 0-9 - . _ ~
struct Token {
  std::string secret;
  /// Streams at once, those that wait and images by POST among them; 0: the server's limits alone.
  int sessions = 0;
  /// The most that these streams may take of the device, as a share of it, above 0 and at most 1.
  /// Counts with Limits::min_fps.
  double load = 1;
};

/// The place of a token in ServerOptions::tokens; 0 where the server has none.
using Owner = std::size_t;

/// Each is read for a cookie at the start, which takes some 50 ms.
constexpr std::size_t kMaxTokens = 64;

/// Lines of `TOKEN [sessions=N] [load=SHARE]`; empty ones and those that begin with # are skipped.
/// Throws io for a file that cannot be read or has no token, and invalid_argument naming the line;
/// no message has a token.
std::vector<Token> read_tokens(const std::string& file);

/// Throws invalid_argument for a token of other characters, or one that is there twice.
void check(const std::vector<Token>& tokens);

}  // namespace streamdiffusion::server
