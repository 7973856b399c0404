// UDP addresses and the socket of an OSC port.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace streamdiffusion::osc {

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;

  bool is_loopback() const;
  std::uint16_t port() const;
  /// "127.0.0.1:9000"
  std::string text() const;
};

/// Finds "[HOST:]PORT"; without HOST 127.0.0.1. `flag` is named in errors. Throws invalid_argument.
Endpoint find_endpoint(const std::string& text, const char* flag);

class UdpSocket {
 public:
  /// Throws io naming the address.
  explicit UdpSocket(const Endpoint& endpoint);
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  int descriptor() const { return descriptor_; }
  Endpoint endpoint() const;
  /// The next datagram that has come, cut after `most` bytes. Does not wait.
  std::optional<std::string> receive(std::size_t most, Endpoint& from);
  /// What cannot be sent at once is dropped.
  void send(std::string_view datagram, const Endpoint& to) const;

 private:
  int descriptor_;
};

}  // namespace streamdiffusion::osc
