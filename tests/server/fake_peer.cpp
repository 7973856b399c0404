// Stands for the program of a WebRTC connection. What it does is the name of the offer's session
// (s=): it answers and returns what it is sent, or misbehaves in one way.
#include <dirent.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>

#include "webrtc/message.h"
#include "webrtc/peer_options.h"

namespace {

using namespace streamdiffusion::webrtc;

constexpr int kSocket = 3;

void send(MessageKind kind, const std::string& body = {}) {
  std::string bytes = write_message(kind, body);
  while (!bytes.empty()) {
    const ssize_t count = ::send(kSocket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) std::_Exit(1);
    bytes.erase(0, static_cast<std::size_t>(count));
  }
}

std::optional<Message> receive() {
  static MessageReader reader(std::size_t{1} << 26U);
  std::array<char, 65536> bytes;
  while (true) {
    if (auto message = reader.next()) return message;
    const ssize_t count = ::recv(kSocket, bytes.data(), bytes.size(), 0);
    if (count <= 0) return std::nullopt;
    reader.add({bytes.data(), static_cast<std::size_t>(count)});
  }
}

std::string task_of(const std::string& offer) {
  const auto at = offer.find("s=") + 2;
  return offer.substr(
      at, offer.find('\r') == std::string::npos ? std::string::npos : offer.find('\r', at) - at);
}

/// How many files it has inherited, and whether it knows the server's token.
std::string heritage() {
  int files = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++files;
  ::closedir(folder);
  const bool token = std::getenv("SD_TOKEN") != nullptr;
  // ".", "..", 0, 1, 2, the socket, and the folder itself
  return std::to_string(files - 7) + (token ? " token" : " no token");
}

/// A gray image of this size.
std::string image(int width, int height) {
  return write_image_head(width, height) + std::string(image_bytes(width, height), '\x80');
}

void serve() {
  while (const auto message = receive()) {
    if (message->kind == MessageKind::close) return;
    if (message->kind == MessageKind::image) send(MessageKind::next);
    if (message->kind == MessageKind::ping) send(MessageKind::pong);
  }
}

void run(const std::string& task) {
  if (task == "dies") return;
  if (task == "refuses") return send(MessageKind::refused, "the offer is too strange");
  if (task == "fails") return send(MessageKind::failed, "/secret/file is missing");
  if (task == "early") return send(MessageKind::image, image(8, 8));
  if (task == "garbage") return send(MessageKind{77}, "abc");
  send(MessageKind::answer, "v=0\r\ns=answer\r\n");
  send(MessageKind::connected);
  send(MessageKind::next);
  if (task == "server") return send(MessageKind::open, "{}");
  if (task == "torn") return send(MessageKind::image, image(8, 8).substr(1));
  if (task == "settings") send(MessageKind::text, R"({"type":"settings","params":{"seed":77}})");
  if (task == "heritage") {
    send(MessageKind::text, R"({"type":"settings","params":{"prompt":")" + heritage() + "\"}}");
  }
  if (task == "image") send(MessageKind::image, image(32, 16));
  if (task == "left") return;
  if (task == "stops") ::raise(SIGSTOP);
  if (task == "killed") ::raise(SIGKILL);
  serve();
  if (task == "hangs") {
    while (true) ::pause();
  }
}

}  // namespace

int main() {
  const auto first = receive();
  if (!first || first->kind != MessageKind::open) return 1;
  run(task_of(read_peer_options(first->body).offer));
  return 0;
}
