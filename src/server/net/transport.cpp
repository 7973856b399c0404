#include "server/net/transport.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <boost/asio/write.hpp>
#include <boost/beast/core/detect_ssl.hpp>
#include <span>
#include <string_view>

namespace streamdiffusion::server {
namespace {

constexpr std::string_view kPlainToTls =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    "Content-Length: 40\r\n\r\nThis server speaks TLS: open https://...";
constexpr std::size_t kTlsRecordBytes = 16384;
constexpr int kMaxUnsentBytes = 65536;

}  // namespace

Transport::Transport(tcp::socket socket, net::ssl::context* tls) : tcp_(std::move(socket)) {
  NetError ignored;
  tcp_.socket().set_option(tcp::no_delay(true), ignored);
  // Otherwise the kernel queues megabytes for a slow client, which then receives old images.
  const int unsent = kMaxUnsentBytes;
  ::setsockopt(tcp_.socket().native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
               sizeof unsent);
  if (tls != nullptr) tls_.emplace(tcp_, *tls);
}

std::string Transport::address() const {
  NetError error;
  const auto endpoint = tcp_.socket().remote_endpoint(error);
  return error ? std::string("?") : endpoint.address().to_string();
}

bool Transport::is_closed_by_client() {
  pollfd state{tcp_.socket().native_handle(), POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0;
}

std::size_t Transport::unconfirmed() {
  int bytes = 0;
  const bool known = ::ioctl(tcp_.socket().native_handle(), SIOCOUTQ, &bytes) == 0;
  return known ? static_cast<std::size_t>(bytes) : 0;
}

void Transport::close() {
  tcp_.close();
}

Task<bool> Transport::handshake(Milliseconds time) {
  if (!tls_) co_return true;
  tcp_.expires_after(time);
  beast::flat_buffer buffer;
  NetError error;
  const bool tls = co_await beast::async_detect_ssl(tcp_, buffer, into(error));
  if (error) co_return false;
  if (!tls) {
    co_await net::async_write(tcp_, net::buffer(kPlainToTls), into(error));
    co_return false;
  }
  co_await tls_->async_handshake(net::ssl::stream_base::server, buffer.data(), into(error));
  co_return !error;
}

Task<void> Transport::shutdown(Milliseconds time) {
  NetError error;
  if (tls_) {
    tcp_.expires_after(time);
    co_await tls_->async_shutdown(into(error));
  }
  tcp_.socket().shutdown(tcp::socket::shutdown_send, error);
  // Read what still arrives. Otherwise the kernel answers it with a reset, and the client may lose
  // what was just sent.
  std::array<char, 4096> rest;
  tcp_.expires_after(std::min<Milliseconds>(time, 1s));
  for (std::size_t total = 0; !error && total < (std::size_t{1} << 20U);) {
    total += co_await tcp_.async_read_some(net::buffer(rest), into(error));
  }
  tcp_.close();
}

void Transport::read(net::mutable_buffer buffer, Done done) {
  tls_ ? tls_->async_read_some(buffer, std::move(done))
       : tcp_.async_read_some(buffer, std::move(done));
}

void Transport::write(const ConstBuffers& parts, Done done) {
  if (!tls_) {
    const std::span all(parts.list.data(), parts.count);
    return tcp_.async_write_some(std::vector<net::const_buffer>(all.begin(), all.end()),
                                 std::move(done));
  }
  if (parts.count < 2) return tls_->async_write_some(parts.list[0], std::move(done));
  joined_.clear();
  for (std::size_t i = 0; i < parts.count && joined_.size() < kTlsRecordBytes; ++i) {
    const auto& part = parts.list[i];
    joined_.append(static_cast<const char*>(part.data()),
                   std::min(part.size(), kTlsRecordBytes - joined_.size()));
  }
  tls_->async_write_some(net::buffer(joined_), std::move(done));
}

}  // namespace streamdiffusion::server
