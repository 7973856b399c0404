#include "server/web_client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace streamdiffusion::testing {
namespace {

using namespace std::chrono_literals;
constexpr auto kAnswerLimit = 10s;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string request_text(const std::string& method, const std::string& target,
                         const std::string& body, Fields fields) {
  fields.try_emplace("Host", "localhost");
  if (!body.empty() || method == "POST") {
    fields.try_emplace("Content-Length", std::to_string(body.size()));
    fields.try_emplace("Content-Type", "application/json");
  }
  std::string text = method + " " + target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : fields) text += name + ": " + value + "\r\n";
  return text + "\r\n" + body;
}

}  // namespace

std::string base64(const std::string& bytes) {
  constexpr const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(i + k > bytes.size() ? '=' : digits[bits >> (18 - 6 * k) & 63U]);
    }
  }
  return out;
}

Wire::Wire(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect");
  }
}
Wire::~Wire() {
  close();
}
Wire::Wire(Wire&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), held_(std::move(other.held_)) {}

void Wire::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void Wire::shrink() {
  const int size = 32768;
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

void Wire::write(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto count = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (count <= 0) return;  // the reader sees why
    done += static_cast<std::size_t>(count);
  }
}

bool Wire::fill(std::chrono::milliseconds within) {
  pollfd wait{socket_, POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(within.count())) <= 0) return false;
  char part[65536];
  const auto count = ::recv(socket_, part, sizeof part, 0);
  if (count <= 0) return false;
  held_.append(part, static_cast<std::size_t>(count));
  return true;
}

std::optional<std::string> Wire::read(std::size_t count) {
  while (held_.size() < count) {
    if (!fill(kAnswerLimit)) return std::nullopt;
  }
  std::string bytes = held_.substr(0, count);
  held_.erase(0, count);
  return bytes;
}

std::optional<std::string> Wire::read_until(const std::string& end) {
  while (held_.find(end) == std::string::npos) {
    if (!fill(kAnswerLimit)) return std::nullopt;
  }
  return read(held_.find(end) + end.size());
}

bool Wire::is_closed(std::chrono::milliseconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (std::chrono::steady_clock::now() < until) {
    pollfd wait{socket_, POLLIN, 0};
    if (::poll(&wait, 1, 20) <= 0) continue;
    char part[65536];
    if (::recv(socket_, part, sizeof part, 0) <= 0) return true;
  }
  return false;
}

HttpAnswer read_answer(Wire& wire, bool head) {
  HttpAnswer answer;
  const auto text = wire.read_until("\r\n\r\n");
  if (!text) return answer;
  answer.status = std::stoi(text->substr(9, 3));
  for (auto at = text->find("\r\n") + 2; at + 2 < text->size();) {
    const auto end = text->find("\r\n", at), colon = text->find(':', at);
    answer.header[lower(text->substr(at, colon - at))] = text->substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  const auto length = answer.header.find("content-length");
  if (length != answer.header.end() && !head) {
    answer.body = wire.read(std::stoul(length->second)).value_or("");
  }
  return answer;
}

HttpAnswer fetch(std::uint16_t port, const std::string& method, const std::string& target,
                 const std::string& body, const Fields& fields) {
  Wire wire(port);
  wire.write(request_text(method, target, body, fields));
  return read_answer(wire, method == "HEAD");
}

WebSocketClient::WebSocketClient(std::uint16_t port, const std::string& target,
                                 const Fields& fields)
    : wire_(port) {
  Fields all = fields;
  all["Connection"] = "Upgrade";
  all["Upgrade"] = "websocket";
  all["Sec-WebSocket-Version"] = "13";
  all["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ==";
  wire_.write(request_text("GET", target, {}, all));
  const HttpAnswer answer = read_answer(wire_);
  if (answer.status != 101 ||
      answer.header.at("sec-websocket-accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
    throw std::runtime_error("no upgrade: " + std::to_string(answer.status) + " " + answer.body);
  }
}

void WebSocketClient::frame(int opcode, const std::string& payload) {
  std::string bytes(1, static_cast<char>(0x80 | opcode));
  const std::size_t size = payload.size();
  const int extra = size < 126 ? 0 : size < 65536 ? 2 : 8;
  bytes.push_back(static_cast<char>(0x80U | (extra == 0 ? size : extra == 2 ? 126U : 127U)));
  for (int i = extra - 1; i >= 0; --i) bytes.push_back(static_cast<char>(size >> (8 * i)));
  const std::string mask = "\x12\x34\x56\x78";
  bytes += mask;
  for (std::size_t i = 0; i < size; ++i) {
    bytes.push_back(static_cast<char>(payload[i] ^ mask[i % 4]));
  }
  wire_.write(bytes);
}

WebSocketClient::Message WebSocketClient::receive() {
  while (true) {
    const auto head = wire_.read(2);
    if (!head) return {};
    const int opcode = (*head)[0] & 0xf;
    std::size_t size = (*head)[1] & 0x7f;
    if (size >= 126) {
      const auto more = wire_.read(size == 126 ? 2 : 8);
      if (!more) return {};
      size = 0;
      for (const char c : *more) size = size << 8U | static_cast<unsigned char>(c);
    }
    auto payload = wire_.read(size);
    if (!payload) return {};
    if (opcode == 1) return {Message::Kind::text, *payload};
    if (opcode == 2) return {Message::Kind::binary, *payload};
    if (opcode == 9) frame(10, *payload);
    if (opcode != 8) continue;
    frame(8, payload->substr(0, 2));
    const auto* code = reinterpret_cast<const unsigned char*>(payload->data());
    return {Message::Kind::close, *payload, payload->size() < 2 ? 1005 : code[0] * 256 + code[1]};
  }
}

nlohmann::json WebSocketClient::await(const std::string& status) {
  while (true) {
    const Message message = receive();
    if (message.kind == Message::Kind::close || message.kind == Message::Kind::lost) return {};
    if (message.kind != Message::Kind::text) continue;
    nlohmann::json json = message.json();
    if (json["status"] == status) return json;
  }
}

std::optional<WebSocketClient::Image> WebSocketClient::image() {
  while (true) {
    const Message message = receive();
    if (message.kind == Message::Kind::text) continue;
    if (message.kind != Message::Kind::binary) return std::nullopt;
    std::size_t length = 0;
    for (std::size_t i = 4; i-- > 0;) {
      length = length << 8U | static_cast<unsigned char>(message.bytes[i]);
    }
    return Image{nlohmann::json::parse(message.bytes.substr(4, length)),
                 message.bytes.substr(4 + length)};
  }
}

int WebSocketClient::close_code() {
  while (true) {
    const Message message = receive();
    if (message.kind == Message::Kind::close) return message.code;
    if (message.kind == Message::Kind::lost) return 0;
  }
}

void WebSocketClient::send_image(const nlohmann::json& head, const std::string& image) {
  const std::string text = head.is_null() ? "{}" : head.dump();
  std::string bytes;
  for (unsigned i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(text.size() >> (8 * i)));
  binary(bytes + text + image);
}

}  // namespace streamdiffusion::testing
