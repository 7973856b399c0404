// GET /api/stream/{id}: the images of a session as MJPEG.
#include <array>
#include <boost/asio/write.hpp>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "server/http/http_connection.h"

namespace streamdiffusion::server {
namespace {

/// Browsers show a part only when the headers of the next one have arrived. So an image that none
/// has followed for this long is sent once more: what is shown at rest is the newest image.
constexpr std::chrono::milliseconds kRest{60};

/// Sends the newest image at once, and again whenever there is a newer one and the connection is
/// free. It reads all the time, because only a failed read tells that the client has disconnected.
class MjpegStream : public std::enable_shared_from_this<MjpegStream> {
 public:
  MjpegStream(std::shared_ptr<Transport> transport, std::shared_ptr<ClientSession> session,
              const Limits& limits)
      : transport_(std::move(transport)),
        session_(std::move(session)),
        limits_(limits),
        changed_(transport_->get_executor()) {}

  Task<void> run();

 private:
  void read();
  Task<void> write_images();
  Task<bool> write_header();
  Task<bool> write_part(const std::string& jpeg);

  std::shared_ptr<Transport> transport_;
  std::shared_ptr<ClientSession> session_;
  const Limits& limits_;
  Event changed_;
  EncodedImagePtr image_;
  bool ended_ = false, disconnected_ = false;
  std::array<char, 256> ignored_;
};

void MjpegStream::read() {
  transport_->async_read_some(net::buffer(ignored_),
                              [self = shared_from_this()](NetError error, std::size_t /*count*/) {
                                if (!error) return self->read();
                                self->disconnected_ = true;
                                self->changed_.set();
                              });
}

std::string response_header() {
  std::string text =
      "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n"
      "Cache-Control: no-store\r\nConnection: close\r\n";
  for (const auto& [name, value] : security_headers()) text += name + ": " + value + "\r\n";
  return text + "Cross-Origin-Resource-Policy: same-origin\r\n\r\n--frame\r\n";
}

Task<bool> MjpegStream::write_header() {
  const std::string header = response_header();
  transport_->expires_after(limits_.write);
  NetError error;
  co_await net::async_write(*transport_, net::buffer(header), into(error));
  co_return !error;
}

/// The boundary follows the part at once, for clients that take what is between two of them.
Task<bool> MjpegStream::write_part(const std::string& jpeg) {
  constexpr std::string_view boundary = "\r\n--frame\r\n";
  const std::string header =
      "Content-Type: image/jpeg\r\nContent-Length: " + std::to_string(jpeg.size()) + "\r\n\r\n";
  const std::array<net::const_buffer, 3> part{net::buffer(header), net::buffer(jpeg),
                                              net::buffer(boundary)};
  transport_->expires_after(limits_.write);
  NetError error;
  co_await net::async_write(*transport_, part, into(error));
  co_return !error;
}

Task<void> MjpegStream::run() {
  const auto self = shared_from_this();
  transport_->expires_never();
  read();
  image_ = session_->newest_image();  // a session at rest may have no other for long
  const auto subscription = session_->subscribe([this](EncodedImagePtr image) {
    ended_ |= image == nullptr;
    if (image) image_ = std::move(image);
    changed_.set();
  });
  try {
    co_await write_images();
  } catch (const std::exception& failed) {  // the subscriber must not outlive this object
    base::warn("an MJPEG stream failed: ", base::words_of(failed));
  }
  session_->unsubscribe(subscription);
  transport_->close();
}

Task<void> MjpegStream::write_images() {
  bool sent = co_await write_header();
  EncodedImagePtr unseen;  // what browsers do not show yet
  while (sent && !disconnected_) {
    const bool is_over = ended_ || session_->state() == ClientSession::State::gone;
    if (image_) {
      unseen = std::exchange(image_, nullptr);
      sent = co_await write_part(unseen->jpeg);
      if (sent) session_->on_mjpeg_sent(*unseen);
    } else if (unseen) {
      bool is_newer = false;
      if (!is_over) is_newer = co_await changed_.wait_for(kRest);
      if (is_newer) continue;
      const EncodedImagePtr image = std::exchange(unseen, nullptr);
      sent = co_await write_part(image->jpeg);
    } else if (is_over) {
      break;
    } else {
      co_await changed_.wait();
    }
  }
}

}  // namespace

Task<void> run_mjpeg(std::shared_ptr<Transport> transport, std::shared_ptr<ClientSession> session,
                     const Limits& limits) {
  const auto stream =
      std::make_shared<MjpegStream>(std::move(transport), std::move(session), limits);
  co_await stream->run();
}

}  // namespace streamdiffusion::server
