// The texts on their way to one client: statistics give way first, then the connection.
#pragma once

#include <deque>
#include <string>

namespace streamdiffusion::server {

class TextQueue {
 public:
  /// Statistics are left out while 16 texts wait. Returns false where 256 wait: the client does not
  /// read, and its connection is to be closed.
  bool push(std::string text) {
    const bool statistics = text.find("\"status\":\"stats\"") != std::string::npos;
    if (statistics && texts_.size() >= kMaxTextsWithStats) return true;
    if (texts_.size() >= kMaxTexts) return false;
    texts_.push_back(std::move(text));
    return true;
  }

  bool empty() const { return texts_.empty(); }

  std::string pop() {
    std::string text = std::move(texts_.front());
    texts_.pop_front();
    return text;
  }

 private:
  static constexpr std::size_t kMaxTextsWithStats = 16, kMaxTexts = 256;

  std::deque<std::string> texts_;
};

}  // namespace streamdiffusion::server
