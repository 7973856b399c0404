// Sound on its way from a source's file to a sink's, packet by packet and never decoded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace streamdiffusion::media {

/// Made by a source that has sound; taken by the sink that can write it. Between the two it queues
/// what was read and not yet written. Any thread.
class AudioTrack {
 public:
  /// The folder's own.
  class Queue;

  explicit AudioTrack(std::unique_ptr<Queue> queue);
  ~AudioTrack();
  /// "aac", "pcm_s16le", …
  std::string codec() const;
  /// From the first packet read to the end of the last, in seconds; 0 before any.
  double seconds() const;
  Queue& queue() { return *queue_; }

 private:
  std::unique_ptr<Queue> queue_;
};

}  // namespace streamdiffusion::media
