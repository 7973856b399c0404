// A server on a free port with a thread of its own, for one test.
#pragma once

#include <atomic>
#include <thread>

#include "server/server.h"
#include "server/web_client.h"
#include "support/fake_stream_factory.h"
#include "support/wait.h"

namespace streamdiffusion::testing {

class RunningServer {
 public:
  explicit RunningServer(server::ServerOptions options = {},
                         server::StreamFactory* factory = nullptr,
                         server::ModelCatalog* catalog = nullptr)
      : server_(factory != nullptr ? *factory : fake, with_free_port(std::move(options)), catalog),
        thread_([this] {
          all_ended_ = server_.run(false);
          finished_ = true;
        }) {}
  ~RunningServer() {
    fake.release_frames();
    server_.drain();
    if (thread_.joinable()) thread_.join();
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  std::uint16_t port() const { return server_.port(); }
  std::string osc_address() const { return server_.osc_address(); }
  void drain() { server_.drain(); }
  /// Waits until run() has returned.
  void join() {
    wait_until("the server to end", [this] { return finished_.load(); });
    thread_.join();
  }
  /// What run() returned.
  bool all_ended() const { return all_ended_; }

  HttpAnswer get(const std::string& target, const Fields& fields = {}) const {
    return fetch(port(), "GET", target, {}, fields);
  }
  HttpAnswer post(const std::string& target, const std::string& body,
                  const Fields& fields = {}) const {
    return fetch(port(), "POST", target, body, fields);
  }
  /// A client of the binary protocol that has a session slot.
  WebSocketClient connect(const std::string& id) const {
    WebSocketClient client(port(), "/api/ws/" + id + "?frames=binary");
    client.await("settings");
    return client;
  }

  FakeStreamFactory fake;

 private:
  static server::ServerOptions with_free_port(server::ServerOptions options) {
    options.host = "127.0.0.1";
    options.port = 0;
    options.limits.requests_per_second = std::max(options.limits.requests_per_second, 1.0);
    options.limits.drain = std::min(options.limits.drain, server::Milliseconds(10000));
    return options;
  }

  server::Server server_;
  std::atomic<bool> finished_{false}, all_ended_{false};
  std::thread thread_;
};

}  // namespace streamdiffusion::testing
