#include "link.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace streamdiffusion::webrtc {
namespace {

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

void Link::send(MessageKind kind, std::string_view body) {
  const std::string head = write_message_head(kind, body.size());
  const std::lock_guard lock(mutex_);
  if (send_all(socket_, head)) send_all(socket_, body);
}

std::optional<Message> Link::receive() {
  std::array<char, 65536> bytes;
  while (true) {
    if (auto message = reader_.next()) return message;
    const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    reader_.add({bytes.data(), static_cast<std::size_t>(count)});
  }
}

}  // namespace streamdiffusion::webrtc
