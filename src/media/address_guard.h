// Keeps an address of the web from leading to others that only this machine can reach. A playlist,
// a manifest or a redirection may name any address, also a router, a database or the metadata of a
// cloud; whoever wrote it could never ask there himself. Browsers have the same rule
// (https://wicg.github.io/private-network-access/).
#pragma once

#include <sys/socket.h>

#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "media/av.h"

namespace streamdiffusion::media {

/// Whether an address is one of this machine, of its links, of a private network, or of none.
/// Addresses of IPv6 that hold one of IPv4 are judged by that.
bool is_private(const sockaddr& address);

class AddressGuard {
 public:
  /// `input`: the address that the user gave, an http:// or https:// one. What it resolves to, and
  /// the proxy of the environment ("http_proxy"), may be private. Whatever is refused ends libav's
  /// waits by `interrupt`, so that nothing is sent. Any thread may call the rest.
  AddressGuard(const std::string& input, AvInterrupt& interrupt);

  /// The answer to `input` has begun. Before that it may redirect to other ports of its own
  /// machine, as from http to https.
  void on_opened();
  /// libav is about to open an address that its input names. Returns false if it may not.
  bool allows(const std::string& url);
  /// libav connects to a numeric address. Returns false if it must not send anything there.
  bool allows_connection(const std::string& host, const std::string& port);
  /// Why something was not allowed, without the name of the input; empty if everything was.
  std::string refusal() const;

 private:
  /// "127.0.0.1 port 80"
  using Endpoint = std::pair<std::string, std::string>;
  void add(const std::string& url);
  bool is_own(const Endpoint& endpoint);
  bool refuse(const std::string& why);
  bool refuse_private(const std::string& what);

  AvInterrupt& interrupt_;
  mutable std::mutex mutex_;
  std::set<Endpoint> own_;
  bool opened_ = false;
  std::string refusal_;
};

}  // namespace streamdiffusion::media
