#include "server/protocol/client_network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

namespace streamdiffusion::server {
namespace {

constexpr std::size_t kNetworkBytes = 8;

template <typename Address>
bool parse(int family, const std::string& text, Address& address) {
  return ::inet_pton(family, text.c_str(), &address) == 1;
}

}  // namespace

std::string client_network(const std::string& address) {
  in6_addr v6{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!parse(AF_INET6, address.substr(0, address.find('%')), v6)) return address;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    ::inet_ntop(AF_INET, v6.s6_addr + 12, text.data(), text.size());
    return text.data();
  }
  std::fill(v6.s6_addr + kNetworkBytes, std::end(v6.s6_addr), std::uint8_t{0});
  ::inet_ntop(AF_INET6, &v6, text.data(), text.size());
  return std::string(text.data()) + "/64";
}

bool is_ip_address(std::string_view text) {
  in_addr v4{};
  in6_addr v6{};
  return parse(AF_INET, std::string(text), v4) || parse(AF_INET6, std::string(text), v6);
}

}  // namespace streamdiffusion::server
