#include "server/server.h"

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <csignal>
#include <list>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "server/http/http_connection.h"
#include "server/net/listen_addresses.h"
#include "server/net/net.h"
#include "server/net/tls.h"
#include "server/net/webrtc_peers.h"
#include "server/osc_control.h"
#include "server/protocol/client_network.h"
#include "server/protocol/connection_limiter.h"

namespace streamdiffusion::server {
namespace {

constexpr auto kTick = 500ms;
/// How long to wait for a descriptor where all are in use.
constexpr auto kDescriptorPause = 20ms;
/// Connections beyond the limits that may ask for health.
constexpr std::size_t kHealthConnections = 16;
/// Threads that end and that open streams, and that parse bodies and encode images.
constexpr std::size_t kEndingThreads = 4, kOpeningThreads = 4, kBodyThreads = 2;
/// The end of Limits::drain that is left for streams that are cut off to stop, and for the closing
/// handshakes. Where the whole is short, a fifth of it.
constexpr Milliseconds kCloseTimeout = 2s;

std::string in_brackets(const std::string& host) {
  return host.find(':') != std::string::npos && !host.starts_with('[') ? '[' + host + ']' : host;
}

}  // namespace

class Server::Impl : public Executor {
 public:
  Impl(StreamFactory& factory, const ServerOptions& options, ModelCatalog* catalog)
      : options_((check(options), options)),
        tls_(make_tls(options_)),
        models_(factory, catalog, options_.limits),
        access_(options_),
        rate_limiter_(options_.limits.requests_per_second),
        connection_limiter_(options_.limits.connections, options_.limits.connections_per_client),
        admission_(options_),
        context_{factory,   models_.first()->table, metrics_, options_.limits, *this, models_,
                 admission_},
        registry_(context_),
        webrtc_(make_webrtc_peers(io_, registry_, metrics_, options_)),
        api_(context_, registry_, access_, options_, webrtc_.get()),
        ticker_(io_) {
    listen();
    if (options_.osc.empty()) return;
    osc_.emplace(osc::PortOptions{options_.osc, options_.osc_reply, options_.osc_insecure},
                 registry_, *this);
  }
  ~Impl() override {
    osc_.reset();
    for (net::thread_pool* workers : {&body_workers_, &opening_workers_, &ending_workers_}) {
      workers->join();
    }
    joined_ = true;
    io_.restart();
    io_.poll();  // runs what the workers posted
  }

  void post(std::function<void()> task) override {
    net::post(io_, [this, task = std::move(task)] { run_guarded(task); });
  }
  void run_on_worker(WorkKind kind, std::function<void()> task) override {
    if (joined_) return run_guarded(task);  // the last streams end while what they use exists
    net::post(workers(kind), [this, task = std::move(task)] { run_guarded(task); });
  }

  std::string address() const;
  std::uint16_t port() const { return port_; }
  std::string osc_address() const { return osc_ ? osc_->address() : std::string(); }
  const std::string& fingerprint() const { return tls_.fingerprint; }

  bool run(bool signals, const std::function<void()>& ready);
  void drain();

 private:
  class SignalThread;

  /// A task that throws, for want of memory say, must not end the server.
  template <typename Task>
  void run_guarded(const Task& task) {
    try {
      task();
    } catch (const std::exception& error) {
      base::warn("a task of the server failed: ", base::words_of(error));
      metrics_.error("internal");
    }
  }
  net::thread_pool& workers(WorkKind kind) {
    return kind == WorkKind::end_stream    ? ending_workers_
           : kind == WorkKind::open_stream ? opening_workers_
                                           : body_workers_;
  }
  void listen();
  void open(const tcp::endpoint& endpoint);
  Task<void> accept(tcp::acceptor& acceptor);
  void admit(tcp::socket socket);
  void close_oldest_idle();
  Task<void> serve(std::shared_ptr<Transport> transport, std::string client, bool health_only);
  Task<void> tick();
  void reload_certificate();
  Task<void> wait_for_drain();

  const ServerOptions options_;
  Tls tls_;
  // The order matters for destruction: a stream's threads may post to io_ until they end.
  net::io_context io_{1};
  net::thread_pool ending_workers_{kEndingThreads}, opening_workers_{kOpeningThreads},
      body_workers_{kBodyThreads};
  Metrics metrics_;
  LoadedModels models_;
  AccessControl access_;
  RateLimiter rate_limiter_;
  ConnectionLimiter connection_limiter_;
  Admission admission_;
  ServerContext context_;
  SessionRegistry registry_;
  std::unique_ptr<WebRtcPeers> webrtc_;
  Api api_;
  std::optional<OscControl> osc_;
  net::steady_timer ticker_;
  std::list<tcp::acceptor> acceptors_;
  /// The oldest first.
  std::list<std::shared_ptr<Transport>> transports_;
  /// Those that may only ask for health, the oldest first.
  std::list<std::shared_ptr<Transport>> health_transports_;
  std::uint16_t port_ = 0;
  /// Set when the workers have ended.
  std::atomic<bool> joined_{false};
  base::Clock::time_point lame_duck_until_{}, drain_until_{};
};

void Server::Impl::listen() {
  const auto addresses = listen_addresses(options_.host, resolve_by_system);
  for (int attempts = options_.port == 0 ? 10 : 1; acceptors_.empty(); --attempts) {
    port_ = options_.port;
    NetError problem;
    for (const auto& address : addresses) {
      try {
        open({address, port_});
      } catch (const boost::system::system_error& failed) {
        problem = failed.code();
      }
      // Under the other address of this name, clients would meet another program.
      if (problem == net::error::address_in_use) break;
    }
    if (problem == net::error::address_in_use) acceptors_.clear();
    base::require(!acceptors_.empty() || attempts > 1, ErrorCode::io, "cannot listen on ",
                  options_.host, ", port ", options_.port, ": ", problem.message());
  }
}

void Server::Impl::open(const tcp::endpoint& endpoint) {
  tcp::acceptor acceptor(io_);
  acceptor.open(endpoint.protocol());
  acceptor.set_option(tcp::acceptor::reuse_address(true));
  if (endpoint.address().is_v6()) acceptor.set_option(net::ip::v6_only(true));
  acceptor.bind(endpoint);
  acceptor.listen();
  port_ = acceptor.local_endpoint().port();
  acceptors_.push_back(std::move(acceptor));
}

std::string Server::Impl::address() const {
  const bool everywhere = options_.host == "0.0.0.0" || options_.host == "::";
  return std::string(tls_.context ? "https://" : "http://") +
         (everywhere ? "localhost" : in_brackets(options_.host)) + ":" + std::to_string(port_);
}

Task<void> Server::Impl::accept(tcp::acceptor& acceptor) {
  while (acceptor.is_open()) {
    NetError error;
    tcp::socket socket = co_await acceptor.async_accept(into(error));
    if (error == net::error::operation_aborted) co_return;
    if (error) {
      const bool descriptors = error == net::error::no_descriptors ||
                               error == boost::system::errc::too_many_files_open_in_system;
      net::steady_timer pause(io_, kDescriptorPause);
      co_await pause.async_wait(into(error));
      if (descriptors) close_oldest_idle();
      continue;
    }
    try {
      admit(std::move(socket));
    } catch (const std::exception& failed) {
      base::warn("a connection could not be served: ", base::words_of(failed));
    }
  }
}

/// Where descriptors are short, clients that have sent no request give way to those that wait.
void Server::Impl::close_oldest_idle() {
  const auto idle = std::find_if(transports_.begin(), transports_.end(),
                                 [](const auto& transport) { return transport->is_idle(); });
  if (idle == transports_.end()) return;
  base::warn("all file descriptors are in use: idle connections are closed");
  metrics_.error("too_many_connections");
  (*idle)->set_idle(false);
  (*idle)->close();
}

// Beyond the limits, a connection may still ask for health, so that a full server is not taken for
// a dead one. A new one of those closes the oldest.
void Server::Impl::admit(tcp::socket socket) {
  auto transport = std::make_shared<Transport>(std::move(socket), tls_.context.get());
  const std::string client = client_network(transport->address());
  const bool health_only = !connection_limiter_.enter(client);
  if (health_only) {
    metrics_.error("too_many_connections");
    health_transports_.push_back(transport);
    if (health_transports_.size() > kHealthConnections) {
      health_transports_.front()->close();
      health_transports_.pop_front();
    }
  }
  const auto position = transports_.insert(transports_.end(), transport);
  const auto left = [this, transport, position, client,
                     health_only](const std::exception_ptr& /*none*/) {
    transport->close();
    transports_.erase(position);
    if (health_only) {
      health_transports_.remove(transport);
    } else {
      connection_limiter_.leave(client);
    }
  };
  net::co_spawn(io_, serve(transport, client, health_only), left);
}

Task<void> Server::Impl::serve(std::shared_ptr<Transport> transport, std::string client,
                               bool health_only) {
  try {
    const ConnectionContext context{api_, registry_, access_, options_.limits, rate_limiter_};
    co_await run_connection(transport, client, health_only, context);
  } catch (const std::exception& error) {
    base::warn("a connection failed: ", base::words_of(error));
    metrics_.error("internal");
  }
}

/// Until the order to stop, and then while sessions run, for as long as the lame duck lasts.
Task<void> Server::Impl::wait_for_drain() {
  NetError ignored;
  while (true) {
    base::Clock::duration wait = kTick;
    if (!registry_.accepting()) wait = std::min(wait, lame_duck_until_ - base::Clock::now());
    ticker_.expires_after(wait);
    co_await ticker_.async_wait(into(ignored));
    run_guarded([&] {
      registry_.tick();
      api_.tick();
    });
    if (registry_.accepting()) continue;
    if (registry_.empty() || base::Clock::now() >= lame_duck_until_) co_return;
  }
}

Task<void> Server::Impl::tick() {
  NetError ignored;
  co_await wait_for_drain();
  drain_until_ = base::Clock::now() + options_.limits.drain;
  run_guarded([&] { registry_.drain(); });
  const Milliseconds close_timeout = std::min(kCloseTimeout, options_.limits.drain / 5);
  while (!registry_.empty() && base::Clock::now() < drain_until_ - close_timeout) {
    ticker_.expires_after(20ms);
    co_await ticker_.async_wait(into(ignored));
    run_guarded([&] {
      registry_.update_metrics();
      api_.tick();
    });
  }
  run_guarded([&] {
    registry_.end_all();
    api_.cancel_all();
  });
  for (tcp::acceptor& acceptor : acceptors_) acceptor.close(ignored);
  const auto until = base::Clock::now() + close_timeout;
  while (!registry_.empty() && base::Clock::now() < until) {
    ticker_.expires_after(20ms);
    co_await ticker_.async_wait(into(ignored));
  }
  io_.stop();
}

/// Waits for signals on a thread of its own, so that they are heard whatever the network thread
/// does.
class Server::Impl::SignalThread {
 public:
  explicit SignalThread(Impl& server) : signals_(io_, SIGINT, SIGTERM), hang_ups_(io_, SIGHUP) {
    signals_.async_wait([this, &server](NetError error, int) {
      if (error) return;
      signals_.clear();  // a second one ends the process
      server.drain();
    });
    reload_at_hang_up(server);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~SignalThread() {
    io_.stop();
    thread_.join();
  }
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void reload_at_hang_up(Impl& server) {
    hang_ups_.async_wait([this, &server](NetError error, int) {
      if (error) return;
      server.post([&server] { server.reload_certificate(); });
      reload_at_hang_up(server);
    });
  }

  net::io_context io_{1};
  net::signal_set signals_, hang_ups_;
  std::thread thread_;
};

bool Server::Impl::run(bool signals, const std::function<void()>& ready) {
  std::optional<SignalThread> signal_thread;
  if (signals) signal_thread.emplace(*this);
  if (ready) ready();
  for (tcp::acceptor& acceptor : acceptors_) net::co_spawn(io_, accept(acceptor), net::detached);
  net::co_spawn(io_, tick(), net::detached);
  io_.run();
  for (const auto& transport : transports_) transport->close();
  return registry_.active() == 0;
}

/// Connections that are open keep the certificate that they began with.
void Server::Impl::reload_certificate() {
  if (options_.certificate.empty()) {
    base::log(base::LogLevel::notice, "SIGHUP: without --cert there is nothing to read again");
    return;
  }
  try {
    tls_ = make_tls(options_);
    base::log(base::LogLevel::notice, "the certificate was read again");
  } catch (const Error& error) {
    base::warn(error.what(), "; the certificate in use is kept");
  }
}

void Server::Impl::drain() {
  post([this] {
    if (!registry_.accepting()) return;
    const Milliseconds lame_duck = options_.limits.lame_duck;
    lame_duck_until_ = base::Clock::now() + lame_duck;
    if (lame_duck > 0ms && registry_.active() > 0) {
      const double seconds = std::chrono::duration<double>(lame_duck).count();
      base::log(
          base::LogLevel::notice,
          base::concat("no new sessions; those that run (", registry_.active(),
                       ") go on for at most ", seconds, " s; a second signal ends them at once"));
    }
    registry_.start_lame_duck(lame_duck);
    ticker_.cancel();
  });
}

Server::Server(StreamFactory& factory, const ServerOptions& options, ModelCatalog* catalog)
    : impl_(std::make_unique<Impl>(factory, options, catalog)) {}
Server::~Server() = default;
std::string Server::address() const {
  return impl_->address();
}
std::uint16_t Server::port() const {
  return impl_->port();
}
std::string Server::osc_address() const {
  return impl_->osc_address();
}
std::string Server::fingerprint() const {
  return impl_->fingerprint();
}
bool Server::run(bool signals, const std::function<void()>& ready) {
  return impl_->run(signals, ready);
}
void Server::drain() {
  impl_->drain();
}

}  // namespace streamdiffusion::server
