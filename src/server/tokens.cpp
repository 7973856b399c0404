#include "server/tokens.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "base/parse_number.h"

namespace streamdiffusion::server {
namespace {

using base::ErrorCode;
using base::require;

constexpr std::size_t kMinLength = 8, kMaxLength = 256;
constexpr int kMaxSessions = 1024;

bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

/// Reads what follows a token, "sessions=2" say.
void read_limit(const std::string& word, const std::string& where, Token& token) {
  const auto equals = std::min(word.find('='), word.size());
  const std::string_view name = std::string_view(word).substr(0, equals);
  const std::string_view value = std::string_view(word).substr(std::min(equals + 1, word.size()));
  if (name == "sessions") {
    const auto count = base::parse_number<int>(value);
    require(count && *count >= 1 && *count <= kMaxSessions, ErrorCode::invalid_argument, where,
            ": sessions is ", value, ", expected 1 to ", kMaxSessions);
    token.sessions = *count;
    return;
  }
  require(name == "load", ErrorCode::invalid_argument, where,
          ": behind the token stands something else than sessions=N and load=SHARE");
  const auto share = base::parse_number<double>(value);
  require(share && *share > 0 && *share <= 1, ErrorCode::invalid_argument, where, ": load is ",
          value, ", expected more than 0 and at most 1");
  token.load = *share;
}

}  // namespace

std::vector<Token> read_tokens(const std::string& file) {
  std::ifstream stream(file);
  std::vector<Token> tokens;
  std::string line, word;
  for (int number = 1; std::getline(stream, line); ++number) {
    std::istringstream words(line);
    if (!(words >> word) || word.starts_with('#')) continue;
    tokens.push_back({word});
    const std::string where = base::concat("--token-file ", file, ", line ", number);
    for (std::set<std::string> known; words >> word;) {
      const std::string name = word.substr(0, word.find('='));
      read_limit(word, where, tokens.back());
      require(known.insert(name).second, ErrorCode::invalid_argument, where, ": ", name,
              " stands twice, expected once");
    }
  }
  require(!tokens.empty(), ErrorCode::io, "--token-file ", file,
          stream.bad() || !stream.is_open() ? ": cannot be read" : ": is empty",
          ", expected a token in each line");
  return tokens;
}

void check(const std::vector<Token>& tokens) {
  std::set<std::string_view> known;
  require(tokens.size() <= kMaxTokens, ErrorCode::invalid_argument, "--token-file has ",
          tokens.size(), " tokens, expected at most ", kMaxTokens);
  for (const Token& token : tokens) {
    const std::size_t length = token.secret.size();
    require(length >= kMinLength && length <= kMaxLength &&
                std::ranges::all_of(token.secret, is_token_character),
            ErrorCode::invalid_argument, "--token: expected ", kMinLength, " to ", kMaxLength,
            " characters of A-Z a-z 0-9 - . _ ~");
    require(known.insert(token.secret).second, ErrorCode::invalid_argument,
            "--token-file has a token twice, expected each once");
  }
}

}  // namespace streamdiffusion::server
