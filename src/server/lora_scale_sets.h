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
  /// Held by a stream for as long as it uses the scales. Streams with equal scales share one.
  using Use = std::shared_ptr<const std::vector<float>>;

  /// `limit`: sets at once, at least 1.
  explicit LoraScaleSets(int limit) : limit_(limit) {}

  /// `instead_of` is what the stream uses now, or null. It counts no longer if no other stream uses
  /// it; the stream must let go of it soon. Throws HttpError 503 where all sets are taken, naming
  /// them.
  Use take(const std::vector<float>& scales, const Use& instead_of = nullptr);

 private:
  const int limit_;
  std::mutex mutex_;
  std::map<std::vector<float>, std::weak_ptr<const std::vector<float>>> sets_;
};

}  // namespace streamdiffusion::server
