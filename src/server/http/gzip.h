// Compresses what is the same for every client: the page's files, the model's words and parameters.
#pragma once

#include <string>
#include <unordered_map>

#include "server/protocol/http.h"

namespace streamdiffusion::server {

/// Bodies as gzip (RFC 1952), kept for the next client. For one thread.
class GzipCache {
 public:
  /// Compresses the body of a response that is `shared`, of text, and longer than a packet, and
  /// says so in its header, if the client has `accepted` it. Leaves all others as they are.
  void compress(bool accepted, Response& response);

 private:
  const std::string& compressed(std::string body);

  /// By the body as it was.
  std::unordered_map<std::string, std::string> bodies_;
  std::size_t bytes_ = 0;
};

}  // namespace streamdiffusion::server
