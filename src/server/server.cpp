#include "server/server.h"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <csignal>
#include <list>
#include <unordered_set>
#include <vector>

#include "base/log.h"
#include "server/http_connection.h"
#include "server/net.h"
#include "server/tls.h"

namespace streamdiffusion::server {
namespace {

constexpr auto kTick = 500ms;
constexpr int kWorkers = 4;
constexpr auto kLastWords = 2s;  // for closing handshakes, once all sessions have ended

std::string in_brackets(const std::string& host) {
  return host.find(':') != std::string::npos && !host.starts_with('[') ? '[' + host + ']' : host;
}

}  // namespace

class Server::Impl : public Tasks {
 public:
  Impl(Studio& studio, const ServerOptions& options)
      : options_((check(options), options)),
        tls_(make_tls(options_)),
        workers_(kWorkers),
        table_(studio, options_.limits),
        gate_(options_),
        rate_(options_.limits.requests_per_second),
        house_{studio, table_, metrics_, options_.limits, *this},
        room_(house_),
        api_(house_, room_, gate_, options_),
        ticker_(io_),
        signals_(io_) {
    listen();
  }
  ~Impl() override {
    workers_.join();
    io_.restart();
    io_.poll();  // what the workers have posted: streams end while all they use is still there
  }

  void post(std::function<void()> task) override { net::post(io_, std::move(task)); }
  void work(std::function<void()> task) override { net::post(workers_, std::move(task)); }

  std::string address() const;
  std::uint16_t port() const { return port_; }
  const std::string& fingerprint() const { return tls_.fingerprint; }

  void run(bool signals);
  void drain();

 private:
  void listen();
  void open(const tcp::endpoint& endpoint);
  Task<void> accept(tcp::acceptor& acceptor);
  Task<void> serve(std::shared_ptr<Transport> transport);
  Task<void> tick();
  void wait_for_signal();
  bool drained() const;

  const ServerOptions options_;
  Tls tls_;
  // The order of these matters at the end: what a stream's threads still post must find io_.
  net::io_context io_{1};
  net::thread_pool workers_;
  Metrics metrics_;
  ParameterTable table_;
  Gate gate_;
  RateLimit rate_;
  House house_;
  Room room_;
  Api api_;
  net::steady_timer ticker_;
  net::signal_set signals_;
  std::list<tcp::acceptor> acceptors_;
  std::unordered_set<std::shared_ptr<Transport>> transports_;
  std::uint16_t port_ = 0;
  base::Clock::time_point drain_until_{};
};

void Server::Impl::listen() {
  tcp::resolver resolver(io_);
  NetError error;
  std::string host = options_.host;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto found = resolver.resolve(host, "0", tcp::resolver::passive, error);
  base::require(!error, ErrorCode::io, "--host ", options_.host, ": ", error.message());
  port_ = options_.port;
  std::string problem;
  for (const auto& entry : found) {
    try {
      open({entry.endpoint().address(), port_});
    } catch (const boost::system::system_error& failed) {
      problem = failed.code().message();
    }
  }
  base::require(!acceptors_.empty(), ErrorCode::io, "cannot listen on ", options_.host, ", port ",
                options_.port, ": ", problem);
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
    if (error) {  // out of file descriptors, most likely: let some be closed
      net::steady_timer pause(io_, 100ms);
      co_await pause.async_wait(into(error));
      continue;
    }
    if (transports_.size() >= static_cast<std::size_t>(options_.limits.connections)) {
      metrics_.error("too_many_connections");
      continue;
    }
    auto transport = std::make_shared<Transport>(std::move(socket), tls_.context.get());
    transports_.insert(transport);
    net::co_spawn(io_, serve(std::move(transport)), net::detached);
  }
}

Task<void> Server::Impl::serve(std::shared_ptr<Transport> transport) {
  try {
    const Front front{api_, room_, gate_, options_.limits, rate_};
    co_await run_connection(transport, front);
  } catch (const std::exception& error) {
    base::warn("a connection ended with: ", error.what());
    metrics_.error("internal");
  }
  transport->close();
  transports_.erase(transport);
}

bool Server::Impl::drained() const {
  return room_.draining() && room_.empty();
}

Task<void> Server::Impl::tick() {
  NetError ignored;
  while (!drained() && (!room_.draining() || base::Clock::now() < drain_until_)) {
    ticker_.expires_after(room_.draining() ? 20ms : Milliseconds(kTick));
    co_await ticker_.async_wait(into(ignored));
    room_.draining() ? room_.count() : room_.tick();
  }
  room_.end_all();
  for (tcp::acceptor& acceptor : acceptors_) acceptor.close(ignored);
  const auto until = base::Clock::now() + kLastWords;
  while (!room_.empty() && base::Clock::now() < until) {
    ticker_.expires_after(20ms);
    co_await ticker_.async_wait(into(ignored));
  }
  io_.stop();
}

void Server::Impl::wait_for_signal() {
  signals_.async_wait([this](NetError error, int) {
    if (error) return;
    if (room_.draining()) return io_.stop();
    drain();
    wait_for_signal();
  });
}

void Server::Impl::run(bool signals) {
  if (signals) {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    wait_for_signal();
  }
  for (tcp::acceptor& acceptor : acceptors_) net::co_spawn(io_, accept(acceptor), net::detached);
  net::co_spawn(io_, tick(), net::detached);
  io_.run();
  for (const auto& transport : transports_) transport->close();
}

void Server::Impl::drain() {
  post([this] {
    if (room_.draining()) return;
    drain_until_ = base::Clock::now() + options_.limits.drain;
    room_.drain();
    ticker_.cancel();
  });
}

Server::Server(Studio& studio, const ServerOptions& options)
    : impl_(std::make_unique<Impl>(studio, options)) {}
Server::~Server() = default;
std::string Server::address() const {
  return impl_->address();
}
std::uint16_t Server::port() const {
  return impl_->port();
}
std::string Server::fingerprint() const {
  return impl_->fingerprint();
}
void Server::run(bool signals) {
  impl_->run(signals);
}
void Server::drain() {
  impl_->drain();
}

}  // namespace streamdiffusion::server
