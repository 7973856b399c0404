// Counts open connections, in all and for each client.
#pragma once

#include <string>
#include <unordered_map>

namespace streamdiffusion::server {

class ConnectionLimiter {
 public:
  ConnectionLimiter(int most, int most_per_client)
      : most_(most), most_per_client_(most_per_client) {}

  /// Returns false, and counts nothing, if the connection is one too many.
  bool enter(const std::string& client) {
    if (all_ >= most_) return false;
    const auto found = of_client_.find(client);
    if (found != of_client_.end() && found->second >= most_per_client_) return false;
    ++of_client_[client];
    ++all_;
    return true;
  }
  /// For each connection that was counted.
  void leave(const std::string& client) {
    --all_;
    const auto found = of_client_.find(client);
    if (--found->second == 0) of_client_.erase(found);
  }

 private:
  int most_, most_per_client_;
  int all_ = 0;
  std::unordered_map<std::string, int> of_client_;
};

}  // namespace streamdiffusion::server
