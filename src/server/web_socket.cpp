#include "server/web_socket.h"

#include <boost/beast/websocket/stream.hpp>
#include <string_view>

#include "server/upgrade_request.h"

namespace streamdiffusion::server {
namespace {

namespace websocket = beast::websocket;

/// A client that does not read gets no statistics, then no answers, then no connection.
constexpr std::size_t kManyTexts = 16, kMostTexts = 256;
constexpr auto kPingAfter = 20s;  // and closed when as long again nothing comes back

/// A close's reason is at most 123 bytes.
std::string_view short_reason(std::string_view reason) {
  return reason.substr(0, 120);
}

class WebSocket : public Link, public std::enable_shared_from_this<WebSocket> {
 public:
  WebSocket(std::shared_ptr<Transport> transport, Room& room, const Limits& limits)
      : transport_(std::move(transport)),
        stream_(*transport_),
        room_(room),
        limits_(limits),
        work_(transport_->get_executor()),
        written_(transport_->get_executor()),
        deadline_(transport_->get_executor()) {}

  Task<void> run(UpgradeRequest& request, const std::string& id, Dialect dialect);

  void send(std::string text) override;
  void send(EncodedImagePtr image) override;
  void close(int status, const std::string& reason) override;

 private:
  Task<bool> accept(UpgradeRequest& request);
  Task<void> read();
  Task<void> write();
  Task<bool> write_message(bool text, const std::string& message);

  std::shared_ptr<Transport> transport_;
  websocket::stream<Transport&> stream_;
  Room& room_;
  const Limits& limits_;
  std::shared_ptr<Client> client_;
  std::deque<std::string> texts_;
  EncodedImagePtr image_;
  bool closing_ = false, broken_ = false, writing_ = false;
  websocket::close_reason reason_;
  Signal work_, written_;
  net::steady_timer deadline_;
};

void WebSocket::send(std::string text) {
  if (closing_ || broken_) return;
  const bool statistics = text.find("\"status\":\"stats\"") != std::string::npos;
  if (statistics && texts_.size() >= kManyTexts) return;
  if (texts_.size() >= kMostTexts) {
    transport_->close();  // the reader sees it and ends the rest
    return;
  }
  texts_.push_back(std::move(text));
  work_.wake();
}

void WebSocket::send(EncodedImagePtr image) {
  if (closing_ || broken_) return client_->replaced(*image);
  if (image_) client_->replaced(*image_);
  image_ = std::move(image);
  work_.wake();
}

void WebSocket::close(int status, const std::string& reason) {
  if (closing_) return;
  closing_ = true;
  reason_.code = static_cast<std::uint16_t>(status);
  reason_.reason = std::string(short_reason(reason));
  work_.wake();
}

Task<bool> WebSocket::accept(UpgradeRequest& request) {
  transport_->expires_never();  // the WebSocket has timers of its own
  websocket::stream_base::timeout times{};
  times.handshake_timeout = limits_.header;
  times.idle_timeout = 2 * kPingAfter;
  times.keep_alive_pings = true;
  stream_.set_option(times);
  stream_.read_message_max(limits_.message_bytes);
  stream_.auto_fragment(false);
  NetError error;
  co_await stream_.async_accept(request.message, into(error));
  co_return !error;
}

Task<void> WebSocket::run(UpgradeRequest& request, const std::string& id, Dialect dialect) {
  const auto self = shared_from_this();
  const bool accepted = co_await accept(request);
  if (!accepted) co_return;
  writing_ = true;
  net::co_spawn(
      transport_->get_executor(), [self]() -> Task<void> { return self->write(); }, net::detached);
  try {
    client_ = room_.enter(id, dialect, *this);
  } catch (const Refusal& refusal) {
    send(error_message(refusal, true));
    close(refusal.status() == 503 ? 1013 : 1008, refusal.code());
  }
  co_await read();
  broken_ = true;
  transport_->close();
  work_.wake();
  while (writing_) co_await written_.wait();
  if (client_) {
    if (image_) client_->replaced(*image_);
    room_.leave(client_);
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
    if (!client_ || closing_) continue;
    stream_.got_text() ? client_->text(message) : client_->binary(std::move(message));
  }
}

Task<void> WebSocket::write() {
  while (!broken_) {
    if (!texts_.empty()) {
      const std::string text = std::move(texts_.front());
      texts_.pop_front();
      const bool fine = co_await write_message(true, text);
      if (!fine) break;
    } else if (image_) {
      const EncodedImagePtr image = std::move(image_);
      image_ = nullptr;
      const std::string message = client_->frame_message(*image);
      const bool fine = co_await write_message(false, message);
      if (!fine) {
        client_->replaced(*image);
        break;
      }
      client_->sent(*image);
    } else if (closing_) {
      NetError ignored;
      co_await stream_.async_close(reason_, into(ignored));
      break;
    } else {
      co_await work_.wait();
    }
  }
  transport_->close();
  writing_ = false;
  written_.wake();
}

Task<bool> WebSocket::write_message(bool text, const std::string& message) {
  deadline_.expires_after(limits_.write);
  deadline_.async_wait([weak = weak_from_this()](NetError error) {
    const auto self = weak.lock();
    if (!error && self) self->transport_->close();
  });
  stream_.text(text);
  NetError error;
  co_await stream_.async_write(net::buffer(message), into(error));
  deadline_.cancel();
  co_return !error;
}

}  // namespace

Task<void> run_web_socket(std::shared_ptr<Transport> transport,
                          std::shared_ptr<UpgradeRequest> request, Room& room, const Limits& limits,
                          std::string id, Dialect dialect) {
  const auto socket = std::make_shared<WebSocket>(std::move(transport), room, limits);
  co_await socket->run(*request, id, dialect);
}

}  // namespace streamdiffusion::server
