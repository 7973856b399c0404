#include "media/file_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace streamdiffusion::testing {
namespace {

constexpr int kPollMilliseconds = 20, kBacklog = 8;

}  // namespace

FileServer::FileServer(std::string content, bool with_length, std::size_t missing, bool stalls)
    : content_(std::move(content)), with_length_(with_length), missing_(missing), stalls_(stalls) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener_, generic, size), 0);
  EXPECT_EQ(::listen(listener_, kBacklog), 0);
  EXPECT_EQ(::getsockname(listener_, generic, &size), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FileServer::~FileServer() {
  leaving_ = true;
  thread_.join();
  ::close(listener_);
}

std::string FileServer::address(const std::string& name) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/" + name;
}

void FileServer::serve() {
  pollfd entry{listener_, POLLIN, 0};
  while (!leaving_) {
    if (::poll(&entry, 1, kPollMilliseconds) <= 0) continue;
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    ++connections_;
    answer(connection);
    while (stalls_ && !leaving_) ::poll(nullptr, 0, kPollMilliseconds);
    ::close(connection);
  }
}

void FileServer::answer_with(const std::string& name, const std::string& whole) {
  const std::lock_guard lock(mutex_);
  answers_["GET /" + name + " "] = whole;
}

std::string FileServer::answer_to(const std::string& request) {
  const std::lock_guard lock(mutex_);
  for (const auto& [begins, whole] : answers_) {
    if (request.starts_with(begins)) return whole;
  }
  std::string text = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
  if (with_length_) {
    text += "Content-Length: " + std::to_string(content_.size() + missing_) + "\r\n";
  }
  return text + "\r\n" + content_;
}

void FileServer::answer(int connection) {
  std::string request;
  char byte = 0;
  while (request.find("\r\n\r\n") == std::string::npos && ::recv(connection, &byte, 1, 0) == 1) {
    request.push_back(byte);
  }
  if (request.empty()) return;
  ++requests_;
  const std::string text = answer_to(request);
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t count = ::send(connection, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<std::size_t>(count);
  }
}

}  // namespace streamdiffusion::testing
