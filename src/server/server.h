// The server: sockets, the network thread, the workers, and an orderly end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/options.h"
#include "server/studio.h"

namespace streamdiffusion::server {

class Server {
 public:
  /// Opens the sockets. `studio` must outlive the server. Throws invalid_argument as check() does,
  /// io for an address that cannot be listened on or a certificate that cannot be read.
  Server(Studio& studio, const ServerOptions& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// "http://localhost:7860"
  std::string address() const;
  std::uint16_t port() const;
  /// SHA-256 of a self-signed certificate, or empty.
  std::string fingerprint() const;

  /// Serves on this thread until drained. With `signals`, SIGTERM and SIGINT drain, and a second
  /// one ends at once.
  void run(bool signals);
  /// No session begins any more, /readyz says so, and the sessions under way finish, at most for
  /// Limits::drain. From any thread.
  void drain();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamdiffusion::server
