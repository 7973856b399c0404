// A connection, plain or TLS, behind one type. This saves build time: Beast's templates are
// compiled once, and Asio's operations once for each kind in transport.cpp.
#pragma once

#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/net/net.h"
#include "server/options.h"

namespace streamdiffusion::server {

class Transport {
 public:
  using executor_type = net::any_io_executor;
  using Done = std::function<void(NetError, std::size_t)>;

  /// A plain connection if `tls` is null.
  Transport(tcp::socket socket, net::ssl::context* tls);

  executor_type get_executor() { return tcp_.get_executor(); }
  /// Sets the deadline of every operation that starts after this call.
  void expires_after(Milliseconds time) { tcp_.expires_after(time); }
  void expires_never() { tcp_.expires_never(); }
  bool secure() const { return tls_.has_value(); }
  std::string address() const;
  /// True once the client has closed its side, whether or not everything it sent is read.
  bool is_closed_by_client();
  /// Bytes that were written and that the client's machine has not confirmed.
  std::size_t unconfirmed();
  /// While it waits for a request to be complete, it may be closed where descriptors are short.
  void set_idle(bool idle) { idle_ = idle; }
  bool is_idle() const { return idle_; }
  /// Closes at once. Pending operations fail.
  void close();
  /// Performs the TLS handshake, if any. Returns false if the client does not speak TLS.
  Task<bool> handshake(Milliseconds time);
  /// Closes in order, as TLS and TCP require.
  Task<void> shutdown(Milliseconds time);

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return net::async_initiate<Token, void(NetError, std::size_t)>(
        [this](auto handler, net::mutable_buffer buffer) {
          read(buffer, share(std::move(handler)));
        },
        token, first_of<net::mutable_buffer>(buffers));
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    ConstBuffers parts;
    for (auto it = net::buffer_sequence_begin(buffers);
         it != net::buffer_sequence_end(buffers) && parts.count < parts.list.size(); ++it) {
      const net::const_buffer part(*it);
      if (part.size() > 0) parts.list[parts.count++] = part;
    }
    return net::async_initiate<Token, void(NetError, std::size_t)>(
        [this](auto handler, const ConstBuffers& all) { write(all, share(std::move(handler))); },
        token, parts);
  }

 private:
  struct ConstBuffers {
    std::array<net::const_buffer, 8> list;
    std::size_t count = 0;
  };

  template <typename Buffer, typename Buffers>
  static Buffer first_of(const Buffers& buffers) {
    for (auto it = net::buffer_sequence_begin(buffers); it != net::buffer_sequence_end(buffers);
         ++it) {
      const Buffer buffer(*it);
      if (buffer.size() > 0) return buffer;
    }
    return {};
  }

  /// std::function must be copyable, but handlers can only be moved.
  template <typename Handler>
  static Done share(Handler handler) {
    return [shared = std::make_shared<Handler>(std::move(handler))](NetError error,
                                                                    std::size_t count) {
      Handler once = std::move(*shared);
      once(error, count);
    };
  }

  void read(net::mutable_buffer buffer, Done done);
  void write(const ConstBuffers& parts, Done done);

  beast::tcp_stream tcp_;
  std::optional<net::ssl::stream<beast::tcp_stream&>> tls_;
  bool idle_ = true;
  /// Small buffers, joined into one TLS record.
  std::string joined_;
};

// Functions that Beast's WebSocket requires of a stream type.
inline void beast_close_socket(Transport& transport) {
  transport.close();
}
inline void teardown(beast::role_type /*role*/, Transport& transport, NetError& error) {
  transport.close();
  error = {};
}
template <typename Handler>
void async_teardown(beast::role_type /*role*/, Transport& transport, Handler&& handler) {
  transport.close();
  net::post(transport.get_executor(),
            [shared = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler))] {
              (*shared)(NetError{});
            });
}

}  // namespace streamdiffusion::server
