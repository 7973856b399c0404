// What is inside an AudioTrack.
#pragma once

#include <deque>
#include <mutex>

#include "media/audio_track.h"
#include "media/av.h"

namespace streamdiffusion::media {

class AudioTrack::Queue {
 public:
  /// `start` is the source's, in the stream's unit: packets count from it.
  Queue(const AVStream& stream, std::int64_t start);
  ~Queue();

  const AVCodecParameters& parameters() const { return *parameters_; }
  AVRational time_base() const { return time_base_; }

  /// A sink wants the packets from here on; until then they are dropped.
  void want() { wanted_ = true; }
  void push(const AVPacket& packet);
  /// No more will come.
  void end() { ended_ = true; }
  bool ended() const { return ended_; }
  /// The next packet that begins before `time` (in `base`), or null.
  AvPacket pop(std::int64_t time, AVRational base);
  double seconds() const;

 private:
  AVCodecParameters* parameters_;
  AVRational time_base_;
  std::int64_t start_;
  std::atomic<bool> wanted_{false}, ended_{false};
  mutable std::mutex mutex_;
  std::deque<AvPacket> packets_;
  std::int64_t first_ = AV_NOPTS_VALUE, last_ = AV_NOPTS_VALUE;
};

}  // namespace streamdiffusion::media
