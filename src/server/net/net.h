// The parts of Boost that the server uses, under short names. Only files that work with sockets
// include this header.
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
// Asio's coroutines use <utility> without including it.
#include <utility>

namespace streamdiffusion::server {

namespace net = boost::asio;
namespace beast = boost::beast;
using net::ip::tcp;
template <typename T>
using Task = net::awaitable<T>;
using NetError = boost::system::error_code;

/// Completion token for a coroutine: co_await suspends it, and the result goes to `error`.
inline auto into(NetError& error) {
  return net::redirect_error(net::use_awaitable, error);
}

/// An auto-reset event: a coroutine waits until another one on the same thread sets the event. If
/// it is set already, wait() returns at once and resets it.
class Event {
 public:
  explicit Event(const net::any_io_executor& executor) : timer_(executor) {}

  void set() {
    set_ = true;
    timer_.cancel();
  }
  Task<void> wait() {
    if (!set_) {
      timer_.expires_at(net::steady_timer::time_point::max());
      NetError ignored;
      co_await timer_.async_wait(into(ignored));
    }
    set_ = false;
  }
  /// Waits for at most this long. Returns whether the event was set.
  Task<bool> wait_for(std::chrono::milliseconds time) {
    if (!set_) {
      timer_.expires_after(time);
      NetError ignored;
      co_await timer_.async_wait(into(ignored));
    }
    co_return std::exchange(set_, false);
  }

 private:
  net::steady_timer timer_;
  bool set_ = false;
};

}  // namespace streamdiffusion::server
