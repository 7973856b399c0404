#include "media/address_guard.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/lower_case.h"

namespace streamdiffusion::media {
namespace {

struct Network {
  std::uint32_t address;
  unsigned bits;
};
/// Of IPv4, what no router of the internet forwards (IANA's special-purpose addresses), multicast.
constexpr Network kPrivate[]{{0x00000000, 8},  {0x0A000000, 8},  {0x64400000, 10}, {0x7F000000, 8},
                             {0xA9FE0000, 16}, {0xAC100000, 12}, {0xC0000000, 24}, {0xC0A80000, 16},
                             {0xC6120000, 15}, {0xE0000000, 4},  {0xF0000000, 4}};

bool is_private(std::uint32_t address) {
  return std::ranges::any_of(kPrivate, [&](const Network& network) {
    return (address ^ network.address) >> (32U - network.bits) == 0;
  });
}

using Ipv6 = std::array<std::uint8_t, 16>;

bool begins_with(const Ipv6& address, std::initializer_list<int> bytes) {
  return std::equal(bytes.begin(), bytes.end(), address.begin());
}

std::uint32_t number_at(const Ipv6& address, std::size_t offset) {
  std::uint32_t number = 0;
  std::memcpy(&number, &address[offset], sizeof number);
  return ntohl(number);
}

bool is_private(const Ipv6& address) {
  const bool mapped = begins_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF});
  const bool compatible = begins_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});  // ::1 too
  const bool translated = begins_with(address, {0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0});
  if (mapped || compatible || translated) return is_private(number_at(address, 12));
  if (begins_with(address, {0x20, 0x02})) return is_private(number_at(address, 2));  // 6to4
  if (begins_with(address, {0, 0x64, 0xFF, 0x9B, 0, 1})) return true;
  constexpr int kUnique = 0xFC, kMulticast = 0xFF, kLink = 0xFE;
  return (address[0] & 0xFE) == kUnique || address[0] == kMulticast ||
         (address[0] == kLink && (address[1] & 0x80) != 0);
}

struct WebTarget {
  std::string scheme, host, port;
};

/// Of an address, without "crypto+" before it. The port is that of the scheme if none is given.
WebTarget target_of(const std::string& url) {
  std::string text = base::lower_case(url);
  while (text.starts_with("crypto+") || text.starts_with("crypto:")) text.erase(0, 7);
  std::array<char, 32> scheme{};
  std::vector<char> host(text.size() + 1);
  int port = -1;
  av_url_split(scheme.data(), scheme.size(), nullptr, 0, host.data(), static_cast<int>(host.size()),
               &port, nullptr, 0, text.c_str());
  if (port < 0) port = std::string_view(scheme.data()) == "https" ? 443 : 80;
  return {scheme.data(), host.data(), std::to_string(port)};
}

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

/// What the host is now; null if nobody knows it.
Addresses resolve(const std::string& host, const std::string& port, int flags = 0) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  return {status == 0 ? found : nullptr, &freeaddrinfo};
}

std::string numeric_host(const addrinfo& address) {
  std::array<char, NI_MAXHOST> host{};
  getnameinfo(address.ai_addr, address.ai_addrlen, host.data(), host.size(), nullptr, 0,
              NI_NUMERICHOST);
  return host.data();
}

}  // namespace

bool is_private(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address, sizeof four);
    return is_private(ntohl(four.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return true;
  sockaddr_in6 six{};
  std::memcpy(&six, &address, sizeof six);
  Ipv6 bytes{};
  std::memcpy(bytes.data(), &six.sin6_addr, bytes.size());
  return is_private(bytes);
}

AddressGuard::AddressGuard(const std::string& input, AvInterrupt& interrupt)
    : interrupt_(interrupt) {
  add(input);
  if (const char* proxy = std::getenv("http_proxy")) add(proxy);
}

void AddressGuard::add(const std::string& url) {
  const WebTarget target = target_of(url);
  const Addresses found = resolve(target.host, target.port);
  for (const addrinfo* each = found.get(); each != nullptr; each = each->ai_next)
    own_.emplace(numeric_host(*each), target.port);
}

void AddressGuard::on_opened() {
  const std::lock_guard lock(mutex_);
  opened_ = true;
}

bool AddressGuard::is_own(const Endpoint& endpoint) {
  if (own_.contains(endpoint)) return true;
  const auto of_host = own_.lower_bound({endpoint.first, ""});
  const bool host = of_host != own_.end() && of_host->first == endpoint.first;
  if (opened_ || !host) return false;
  own_.insert(endpoint);
  return true;
}

bool AddressGuard::refuse(const std::string& why) {
  interrupt_.refuse();
  if (refusal_.empty()) refusal_ = why;
  return false;
}

bool AddressGuard::refuse_private(const std::string& what) {
  return refuse(base::concat(what,
                             ", which is on this machine or in a private network; the web may lead "
                             "there to no other server than the one that is named. If you trust "
                             "it, allow it with --input-protocols http,https"));
}

bool AddressGuard::allows(const std::string& url) {
  if (base::lower_case(url).starts_with("data:")) return true;
  const WebTarget target = target_of(url);
  const std::lock_guard lock(mutex_);
  if (target.scheme != "http" && target.scheme != "https")
    return refuse(base::concat("asks for ", url, ", expected a part of an http or https address"));
  const Addresses found = resolve(target.host, target.port);
  for (const addrinfo* each = found.get(); each != nullptr; each = each->ai_next) {
    if (is_private(*each->ai_addr) && !is_own({numeric_host(*each), target.port}))
      return refuse_private(base::concat("asks for ", url));
  }
  return true;
}

bool AddressGuard::allows_connection(const std::string& host, const std::string& port) {
  const Addresses found = resolve(host, port, AI_NUMERICHOST | AI_NUMERICSERV);
  const std::lock_guard lock(mutex_);
  if (found && (!is_private(*found->ai_addr) || is_own({host, port}))) return true;
  return refuse_private(base::concat("leads to ", host, " port ", port));
}

std::string AddressGuard::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

}  // namespace streamdiffusion::media
