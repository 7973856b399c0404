// The server: it opens the sockets, runs the network thread and the workers, and stops in order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/options.h"
#include "server/stream_factory.h"

namespace streamdiffusion::server {

class ModelCatalog;

class Server {
 public:
  /// Opens the sockets. `factory` and `catalog`, which may be null, must outlive the server. Throws
  /// invalid_argument as check() and osc::check() do, and io if it cannot listen on an address or
  /// cannot read the certificate.
  Server(StreamFactory& factory, const ServerOptions& options, ModelCatalog* catalog = nullptr);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// "http://localhost:7860"
  std::string address() const;
  std::uint16_t port() const;
  /// Of the port for OSC, "127.0.0.1:9000", or empty.
  std::string osc_address() const;
  /// SHA-256 of a self-signed certificate, or empty.
  std::string fingerprint() const;

  /// Serves on this thread until drained: after the order, for at most Limits::lame_duck and
  /// Limits::drain. With
  /// `signals`, SIGTERM and SIGINT start draining; after the first of them, their default action is
  /// restored, so that a second one ends the process at once. SIGHUP reads the certificate again,
  /// if there are files of one. `ready` is called once clients and signals are heard, for what
  /// tells others that the server is there. Returns false if a stream did not end in time; the
  /// destructor would wait for it.
  bool run(bool signals, const std::function<void()>& ready = {});
  /// Accepts no new session, makes /readyz report it, and tells all clients to move. Running
  /// sessions go on for at most Limits::lame_duck, then finish for at most Limits::drain. May be
  /// called from any thread.
  void drain();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamdiffusion::server
