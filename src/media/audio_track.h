// Audio that is copied from a source to a sink packet by packet, without decoding.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace streamdiffusion::media {

/// Created by a source that has sound, consumed by a sink that can write it. It queues the packets
/// between them. Any thread.
class AudioTrack {
 public:
  /// Private to this folder; see audio_queue.h.
  class Queue;

  explicit AudioTrack(std::unique_ptr<Queue> queue);
  ~AudioTrack();
  /// libav's name of the codec: "aac", "pcm_s16le", …
  std::string codec() const;
  /// Length of what the source has read so far, in seconds.
  double seconds() const;
  Queue& queue() { return *queue_; }

 private:
  std::unique_ptr<Queue> queue_;
};

}  // namespace streamdiffusion::media
