// The pair of sockets to the server.
#pragma once

#include <mutex>
#include <optional>
#include <string_view>

#include "webrtc/message.h"

namespace streamdiffusion::webrtc {

class Link {
 public:
  /// `socket` is an open stream socket.
  explicit Link(int socket) : socket_(socket) {}

  /// Whole messages, from any thread. Where the server is gone they are lost: receive() says so.
  void send(MessageKind kind, std::string_view body = {});
  /// The next message; nothing once the server is gone. Throws as MessageReader does.
  std::optional<Message> receive();

 private:
  int socket_;
  std::mutex mutex_;
  MessageReader reader_{std::size_t{1} << 28U};
};

}  // namespace streamdiffusion::webrtc
