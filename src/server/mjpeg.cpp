// GET /api/stream/{id}: JPEG parts, each closed at once.
#include <array>
#include <boost/asio/write.hpp>

#include "server/http_connection.h"

namespace streamdiffusion::server {
namespace {

/// The newest image wins here too. The client's connection is read all the time, because only
/// that tells when it is gone.
class Watching : public std::enable_shared_from_this<Watching> {
 public:
  Watching(std::shared_ptr<Transport> transport, std::shared_ptr<Client> client,
           const Limits& limits)
      : transport_(std::move(transport)),
        client_(std::move(client)),
        limits_(limits),
        wake_(transport_->get_executor()) {}

  Task<void> run();

 private:
  void read();
  Task<bool> write(const std::string& bytes);

  std::shared_ptr<Transport> transport_;
  std::shared_ptr<Client> client_;
  const Limits& limits_;
  Signal wake_;
  EncodedImagePtr image_;
  bool over_ = false, gone_ = false;
  std::array<char, 256> ignored_;
};

void Watching::read() {
  transport_->async_read_some(net::buffer(ignored_),
                              [self = shared_from_this()](NetError error, std::size_t /*count*/) {
                                if (!error) return self->read();
                                self->gone_ = true;
                                self->wake_.wake();
                              });
}

Task<bool> Watching::write(const std::string& bytes) {
  transport_->expires_after(limits_.write);
  NetError error;
  co_await net::async_write(*transport_, net::buffer(bytes), into(error));
  co_return !error;
}

std::string opening() {
  std::string text =
      "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n"
      "Cache-Control: no-store\r\nConnection: close\r\n";
  for (const auto& [name, value] : security_headers()) text += name + ": " + value + "\r\n";
  return text + "Cross-Origin-Resource-Policy: same-origin\r\n\r\n--frame\r\n";
}

/// The next boundary comes with the part, not with the part after it: browsers show an image when
/// they see the boundary behind it.
std::string part(const std::string& jpeg) {
  return "Content-Type: image/jpeg\r\nContent-Length: " + std::to_string(jpeg.size()) + "\r\n\r\n" +
         jpeg + "\r\n--frame\r\n";
}

Task<void> Watching::run() {
  const auto self = shared_from_this();
  transport_->expires_never();
  read();
  const auto watch = client_->watch([this](EncodedImagePtr image) {
    over_ |= image == nullptr;
    if (image) image_ = std::move(image);
    wake_.wake();
  });
  const std::string head = opening();
  bool fine = co_await write(head);
  while (fine && !gone_) {
    if (image_) {
      const EncodedImagePtr image = std::move(image_);
      image_ = nullptr;
      const std::string bytes = part(image->jpeg);
      fine = co_await write(bytes);
      if (fine) client_->watched(*image);
    } else if (over_ || client_->state() == Client::State::gone) {
      break;
    } else {
      co_await wake_.wait();
    }
  }
  client_->unwatch(watch);
  transport_->close();
}

}  // namespace

Task<void> run_mjpeg(std::shared_ptr<Transport> transport, std::shared_ptr<Client> client,
                     const Limits& limits) {
  const auto watching = std::make_shared<Watching>(std::move(transport), std::move(client), limits);
  co_await watching->run();
}

}  // namespace streamdiffusion::server
