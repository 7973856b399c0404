// Which scales of the LoRAs the streams of a server use. Each set of scales is one more copy of the
// weights that the LoRAs change, so there is a limit.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace streamdiffusion::server {

/// Thread-safe.
class LoraScaleSets {
 public:
  /// Held by a stream for as long as it uses the scales, or may go back to them.
  using Use = std::shared_ptr<const void>;

  /// `limit`: sets at once, at least 1.
  explicit LoraScaleSets(int limit) : limit_(limit) {}

  /// `owner` stands for the stream. What it holds of other scales counts only where another stream
  /// uses them; it must let go of that soon. Throws HttpError 503 where all sets are taken, naming
  /// them.
  Use take(const std::vector<float>& scales, const void* owner);

 private:
  /// By owner.
  using Users = std::map<const void*, std::weak_ptr<const void>>;

  const int limit_;
  std::mutex mutex_;
  std::map<std::vector<float>, Users> sets_;
};

}  // namespace streamdiffusion::server
