// The parts of Boost that the server uses, under short names. Only files that open sockets include
// it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <utility>  // asio's coroutines forget it

namespace streamdiffusion::server {

namespace net = boost::asio;
namespace beast = boost::beast;
using net::ip::tcp;
template <typename T>
using Task = net::awaitable<T>;
using NetError = boost::system::error_code;

/// Completion token: waits in a coroutine, the outcome goes to `error`.
inline auto into(NetError& error) {
  return net::redirect_error(net::use_awaitable, error);
}

/// A coroutine waits here until another one on the same thread wakes it. One that was woken before
/// it waits does not wait.
class Signal {
 public:
  explicit Signal(const net::any_io_executor& executor) : timer_(executor) {}

  void wake() {
    woken_ = true;
    timer_.cancel();
  }
  Task<void> wait() {
    if (!woken_) {
      timer_.expires_at(net::steady_timer::time_point::max());
      NetError ignored;
      co_await timer_.async_wait(into(ignored));
    }
    woken_ = false;
  }

 private:
  net::steady_timer timer_;
  bool woken_ = false;
};

}  // namespace streamdiffusion::server
