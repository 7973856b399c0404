#include "server/net/web_socket.h"

#include <array>
#include <boost/beast/websocket/stream.hpp>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "server/net/text_queue.h"
#include "server/net/upgrade_request.h"

namespace streamdiffusion::server {
namespace {

namespace websocket = beast::websocket;

/// A client answers a close at once, unless it is busy or gone. RFC 6455, section 7.1.1, lets the
/// server end the connection after a reasonable time.
constexpr Milliseconds kCloseAnswerTime = 1s;

/// RFC 6455, section 5.5: the reason of a close is at most 123 bytes.
std::string_view short_reason(std::string_view reason) {
  return reason.substr(0, 120);
}

class WebSocket : public ClientConnection, public std::enable_shared_from_this<WebSocket> {
 public:
  WebSocket(std::shared_ptr<Transport> transport, SessionRegistry& registry, const Limits& limits)
      : transport_(std::move(transport)),
        stream_(*transport_),
        registry_(registry),
        limits_(limits),
        work_available_(transport_->get_executor()),
        written_(transport_->get_executor()),
        deadline_(transport_->get_executor()) {}

  Task<void> run(UpgradeRequest& request, const std::string& id, Protocol protocol, Owner owner);

  void send(std::string text) override;
  void send(EncodedImagePtr image) override;
  void close(int status, const std::string& reason) override;

 private:
  Task<bool> accept(UpgradeRequest& request);
  Task<void> read();
  Task<void> write();
  Task<void> write_queued();
  Task<bool> write_text(const std::string& message);
  Task<bool> write_image(const EncodedImage& image);
  void start_deadline();
  void expect_answer(bool confirmed);

  std::shared_ptr<Transport> transport_;
  websocket::stream<Transport&> stream_;
  SessionRegistry& registry_;
  const Limits& limits_;
  std::shared_ptr<ClientSession> session_;
  TextQueue texts_;
  EncodedImagePtr image_;
  bool closing_ = false, broken_ = false, writing_ = false;
  websocket::close_reason reason_;
  Event work_available_, written_;
  net::steady_timer deadline_;
};

void WebSocket::send(std::string text) {
  if (closing_ || broken_) return;
  if (!texts_.push(std::move(text))) {
    transport_->close();  // read() notices and run() ends
    return;
  }
  work_available_.set();
}

void WebSocket::send(EncodedImagePtr image) {
  if (closing_ || broken_) return session_->on_replaced(*image);
  if (image_) session_->on_replaced(*image_);
  image_ = std::move(image);
  work_available_.set();
}

void WebSocket::close(int status, const std::string& reason) {
  if (closing_) return;
  closing_ = true;
  reason_.code = static_cast<std::uint16_t>(status);
  reason_.reason = std::string(short_reason(reason));
  work_available_.set();
}

Task<bool> WebSocket::accept(UpgradeRequest& request) {
  transport_->expires_never();  // the WebSocket has its own timers
  websocket::stream_base::timeout times{};
  times.handshake_timeout = limits_.header;
  times.idle_timeout = 2 * limits_.ping;
  times.keep_alive_pings = true;  // in the middle of that time
  stream_.set_option(times);
  stream_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
    response.set(beast::http::field::server, "streamdiffusion");  // instead of Beast's version
  }));
  stream_.read_message_max(limits_.message_bytes);
  stream_.auto_fragment(false);
  NetError error;
  co_await stream_.async_accept(request.message, into(error));
  co_return !error;
}

Task<void> WebSocket::run(UpgradeRequest& request, const std::string& id, Protocol protocol,
                          Owner owner) {
  const auto self = shared_from_this();
  const bool accepted = co_await accept(request);
  if (!accepted) co_return;
  writing_ = true;
  net::co_spawn(
      transport_->get_executor(), [self]() -> Task<void> { return self->write(); }, net::detached);
  try {
    session_ = registry_.connect(id, protocol, self, owner);
  } catch (const HttpError& http_error) {
    send(error_message(http_error, true));
    close(http_error.status() == 503 ? 1013 : 1008, http_error.code());
  } catch (const std::exception& failed) {
    base::warn("a session could not be made: ", base::words_of(failed));
    session_ =
        registry_.find_or_null(id, owner);  // if it was made, it must not outlive its connection
    close(1011, "internal");
  }
  try {
    co_await read();
  } catch (const std::exception& failed) {  // the session must not outlive its connection
    base::warn("a WebSocket failed: ", base::words_of(failed));
  }
  broken_ = true;
  transport_->close();
  work_available_.set();
  while (writing_) co_await written_.wait();
  if (session_) {
    if (image_) session_->on_replaced(*image_);
    registry_.disconnect(session_);
  }
}

Task<void> WebSocket::read() {
  beast::flat_buffer buffer;
  while (true) {
    NetError error;
    co_await stream_.async_read(buffer, into(error));
    if (error) co_return;
    const auto data = buffer.cdata();
    std::string message(static_cast<const char*>(data.data()), data.size());
    buffer.consume(buffer.size());
    if (buffer.capacity() > (std::size_t{1} << 20U)) buffer.shrink_to_fit();
    if (!session_ || closing_) continue;
    stream_.got_text() ? session_->on_text(message) : session_->on_binary(std::move(message));
  }
}

Task<void> WebSocket::write() {
  try {
    co_await write_queued();
  } catch (const std::exception& failed) {
    base::warn("a WebSocket failed: ", base::words_of(failed));
  }
  transport_->close();
  writing_ = false;
  written_.set();
}

Task<void> WebSocket::write_queued() {
  while (!broken_) {
    if (!texts_.empty()) {
      const std::string text = texts_.pop();
      const bool sent = co_await write_text(text);
      if (!sent) break;
    } else if (image_) {
      const EncodedImagePtr image = std::move(image_);
      image_ = nullptr;
      const bool sent = co_await write_image(*image);
      if (!sent) {
        session_->on_replaced(*image);
        break;
      }
      session_->on_sent(*image);
    } else if (closing_) {
      NetError ignored;
      expect_answer(false);
      co_await stream_.async_close(reason_, into(ignored));
      deadline_.cancel();
      break;
    } else {
      co_await work_available_.wait();
    }
  }
}

void WebSocket::start_deadline() {
  deadline_.expires_after(limits_.write);
  deadline_.async_wait([weak = weak_from_this()](NetError error) {
    const auto self = weak.lock();
    if (!error && self) self->transport_->close();
  });
}

/// Ends a connection whose close is not answered. Where images are on their way to a slow client,
/// the close is behind them: its time begins when all of them have come.
void WebSocket::expect_answer(bool confirmed) {
  deadline_.expires_after(kCloseAnswerTime / 2);
  deadline_.async_wait([weak = weak_from_this(), confirmed](NetError error) {
    const auto self = weak.lock();
    if (error || !self) return;
    if (confirmed) return self->transport_->close();
    self->expect_answer(self->transport_->unconfirmed() == 0);
  });
}

Task<bool> WebSocket::write_text(const std::string& message) {
  start_deadline();
  stream_.text(true);
  NetError error;
  co_await stream_.async_write(net::buffer(message), into(error));
  deadline_.cancel();
  co_return !error;
}

/// Header and JPEG are one message of two buffers, so that the JPEG is not copied.
Task<bool> WebSocket::write_image(const EncodedImage& image) {
  const std::string header = session_->frame_header(image);
  const std::array<net::const_buffer, 2> message{net::buffer(header),
                                                 net::buffer(session_->frame_body(image))};
  start_deadline();
  stream_.text(false);
  NetError error;
  co_await stream_.async_write(message, into(error));
  deadline_.cancel();
  co_return !error;
}

}  // namespace

Task<void> run_web_socket(std::shared_ptr<Transport> transport,
                          std::shared_ptr<UpgradeRequest> request, SessionRegistry& registry,
                          const Limits& limits, std::string id, Protocol protocol, Owner owner) {
  const auto socket = std::make_shared<WebSocket>(std::move(transport), registry, limits);
  co_await socket->run(*request, id, protocol, owner);
}

}  // namespace streamdiffusion::server
