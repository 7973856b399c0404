#include "osc/udp_socket.h"

#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/parse_number.h"
#include "json/quote.h"

namespace streamdiffusion::osc {
namespace {

constexpr const char* kDefaultHost = "127.0.0.1";

std::string without_brackets(const std::string& host) {
  const bool in_brackets = host.starts_with('[') && host.ends_with(']');
  return in_brackets ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

bool Endpoint::is_loopback() const {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return ntohl(v4.sin_addr.s_addr) >> 24U == 127;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

std::uint16_t Endpoint::port() const {
  return ntohs(address.ss_family == AF_INET
                   ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                   : reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

std::string Endpoint::text() const {
  char host[NI_MAXHOST] = "?";
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof host, nullptr, 0,
                NI_NUMERICHOST);
  const std::string name = address.ss_family == AF_INET6 ? '[' + std::string(host) + ']' : host;
  return name + ':' + std::to_string(port());
}

Endpoint find_endpoint(const std::string& text, const char* flag) {
  const std::size_t colon = text.rfind(':');
  const bool has_host = colon != std::string::npos;
  const std::string host = has_host ? without_brackets(text.substr(0, colon)) : kDefaultHost;
  const std::string port = has_host ? text.substr(colon + 1) : text;
  base::require(base::parse_number<std::uint16_t>(port) && !host.empty(),
                ErrorCode::invalid_argument, flag, " is ", json::quote(text),
                ", expected [HOST:]PORT with a port from 0 to 65535");
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_socktype = SOCK_DGRAM;
  const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found);
  base::require(failed == 0, ErrorCode::invalid_argument, flag, ": the host ", json::quote(host),
                " is not found: ", failed == 0 ? "" : ::gai_strerror(failed));
  Endpoint endpoint;
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  endpoint.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return endpoint;
}

UdpSocket::UdpSocket(const Endpoint& endpoint)
    : descriptor_(
          ::socket(endpoint.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  const bool bound =
      descriptor_ >= 0 &&
      ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.size) == 0;
  if (bound) return;
  const std::string problem = std::strerror(errno);
  if (descriptor_ >= 0) ::close(descriptor_);
  base::fail(ErrorCode::io, "cannot listen for OSC on ", endpoint.text(), ": ", problem);
}

UdpSocket::~UdpSocket() {
  ::close(descriptor_);
}

Endpoint UdpSocket::endpoint() const {
  Endpoint own;
  own.size = sizeof own.address;
  ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&own.address), &own.size);
  return own;
}

std::optional<std::string> UdpSocket::receive(std::size_t most, Endpoint& from) {
  std::string datagram(most, '\0');
  from.size = sizeof from.address;
  const ssize_t count = ::recvfrom(descriptor_, datagram.data(), most, 0,
                                   reinterpret_cast<sockaddr*>(&from.address), &from.size);
  if (count < 0) return std::nullopt;
  datagram.resize(static_cast<std::size_t>(count));
  return datagram;
}

void UdpSocket::send(std::string_view datagram, const Endpoint& to) const {
  ::sendto(descriptor_, datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&to.address), to.size);
}

}  // namespace streamdiffusion::osc
