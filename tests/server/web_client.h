// A client of the server, made of nothing but sockets, so that it shares no mistake with it. Every
// wait has an end: a test fails instead of hanging.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace streamdiffusion::testing {

/// One TCP connection to this machine.
class Wire {
 public:
  explicit Wire(std::uint16_t port);
  ~Wire();
  Wire(Wire&& other) noexcept;
  Wire& operator=(Wire&&) = delete;

  void write(const std::string& bytes);
  /// Exactly so many bytes; nothing when the other side closed or no more came within the time.
  std::optional<std::string> read(std::size_t count);
  /// Up to and with `end`.
  std::optional<std::string> read_until(const std::string& end);
  /// True if the other side closes within the time, whatever it still sends.
  bool is_closed(std::chrono::milliseconds within);
  /// Small buffers, so that a reader who does not read is felt soon.
  void shrink();
  void close();

 private:
  bool fill(std::chrono::milliseconds within);

  int socket_ = -1;
  std::string held_;
};

std::string base64(const std::string& bytes);

struct HttpAnswer {
  int status = 0;
  /// Names in lower case.
  std::map<std::string, std::string> header;
  std::string body;

  nlohmann::json json() const { return nlohmann::json::parse(body); }
  /// error.code of an error.
  std::string code() const { return json()["error"]["code"]; }
};

using Fields = std::map<std::string, std::string>;

/// A request on a connection of its own.
HttpAnswer fetch(std::uint16_t port, const std::string& method, const std::string& target,
                 const std::string& body = {}, const Fields& fields = {});
HttpAnswer read_answer(Wire& wire, bool head = false);

class WebSocketClient {
 public:
  /// Throws std::runtime_error with the status when the server does not upgrade.
  WebSocketClient(std::uint16_t port, const std::string& target, const Fields& fields = {});

  struct Message {
    enum class Kind { text, binary, close, lost } kind = Kind::lost;
    std::string bytes;
    /// Of a close.
    int code = 0;
    nlohmann::json json() const { return nlohmann::json::parse(bytes); }
  };
  Message receive();
  /// The next text with this status; other messages are passed over. Null when none comes.
  nlohmann::json await(const std::string& status);

  struct Image {
    nlohmann::json head;
    std::string bytes;
  };
  /// The next image; texts are passed over.
  std::optional<Image> image();
  /// The code of the close that comes next; 0 for a connection that just ends.
  int close_code();

  void text(const std::string& message) { frame(1, message); }
  void text(const nlohmann::json& message) { text(message.dump()); }
  void binary(const std::string& message) { frame(2, message); }
  void send_image(const nlohmann::json& head, const std::string& image);
  void frame(int opcode, const std::string& payload);
  Wire& wire() { return wire_; }

 private:
  Wire wire_;
};

}  // namespace streamdiffusion::testing
