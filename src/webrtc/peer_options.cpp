#include "webrtc/peer_options.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "json/json.h"
#include "json/quote.h"

namespace streamdiffusion::webrtc {
namespace {

constexpr std::int64_t kLeastBits = 100'000, kMaxBits = 100'000'000;

void check_url(std::string_view flag, const std::string& url,
               std::initializer_list<std::string_view> schemes) {
  if (url.empty()) return;
  const bool known = std::ranges::any_of(
      schemes, [&](std::string_view scheme) { return url.starts_with(scheme); });
  const bool printable =
      std::ranges::all_of(url, [](char c) { return c > ' ' && c < 127 && c != '"'; });
  base::require(known && printable && url.size() < 512, ErrorCode::invalid_argument, flag, " is ",
                json::quote(url), ", expected ", *schemes.begin(), "HOST:PORT");
}

}  // namespace

void check(const NetworkOptions& options) {
  check_url("--stun", options.stun, {"stun://"});
  check_url("--turn", options.turn, {"turn://", "turns://"});
  const bool any = options.first_port == 0 && options.last_port == 0;
  base::require(any || (options.first_port >= 1 && options.last_port <= 65535 &&
                        options.first_port <= options.last_port),
                ErrorCode::invalid_argument, "--webrtc-ports is ", options.first_port, "-",
                options.last_port, ", expected FIRST-LAST within 1-65535");
  base::require(options.most_bits >= kLeastBits && options.most_bits <= kMaxBits,
                ErrorCode::invalid_argument, "--webrtc-bitrate is ", options.most_bits / 1000,
                " kbit/s, expected ", kLeastBits / 1000, " to ", kMaxBits / 1000);
}

std::vector<std::string> ice_server_links(const NetworkOptions& options) {
  std::vector<std::string> links;
  if (!options.stun.empty()) {
    links.push_back("<stun:" + options.stun.substr(options.stun.find("//") + 2) +
                    ">; rel=\"ice-server\"");
  }
  if (options.turn.empty()) return links;
  const auto slashes = options.turn.find("//"), at = options.turn.rfind('@');
  std::string link = "<" + options.turn.substr(0, slashes);
  if (at == std::string::npos) {
    links.push_back(link + options.turn.substr(slashes + 2) + ">; rel=\"ice-server\"");
    return links;
  }
  const std::string user = options.turn.substr(slashes + 2, at - slashes - 2);
  const auto colon = user.find(':');
  link += options.turn.substr(at + 1) + ">; rel=\"ice-server\"; username=\"" +
          user.substr(0, colon) + "\"; credential=\"";
  if (colon != std::string::npos) link += user.substr(colon + 1);
  links.push_back(link + "\"; credential-type=\"password\"");
  return links;
}

std::string write(const PeerOptions& options) {
  const nlohmann::json object{
      {"role", to_string(options.role)},        {"offer", options.offer},
      {"addresses", options.network.addresses}, {"first_port", options.network.first_port},
      {"last_port", options.network.last_port}, {"stun", options.network.stun},
      {"turn", options.network.turn},           {"most_bits", options.network.most_bits}};
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

PeerOptions read_peer_options(std::string_view text) {
  const json::Json object = json::Json::parse(text, "options");
  PeerOptions options;
  const json::Json role = object.at("role");
  constexpr std::array roles{Role::exchange, Role::send, Role::receive, Role::beside};
  const auto* found =
      std::ranges::find_if(roles, [&](Role known) { return role.string() == to_string(known); });
  if (found == roles.end()) role.refuse("exchange, send, receive or beside");
  options.role = *found;
  options.offer = object.at("offer").string();
  options.network.addresses = object.at("addresses").strings();
  options.network.first_port = static_cast<int>(object.at("first_port").integer(0, 65535));
  options.network.last_port = static_cast<int>(object.at("last_port").integer(0, 65535));
  options.network.stun = object.at("stun").string();
  options.network.turn = object.at("turn").string();
  options.network.most_bits = object.at("most_bits").integer(kLeastBits, kMaxBits);
  check(options.network);
  return options;
}

}  // namespace streamdiffusion::webrtc
