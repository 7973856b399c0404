// The inside of an AudioTrack: audio packets that a source has read and a sink has not yet written.
#pragma once

#include <deque>
#include <mutex>

#include "media/audio_track.h"
#include "media/av.h"

namespace streamdiffusion::media {

class AudioTrack::Queue {
 public:
  /// Packet times are shifted by `start`, the source's start time in the stream's time base.
  Queue(const AVStream& stream, std::int64_t start);
  ~Queue();

  const AVCodecParameters& parameters() const { return *parameters_; }
  AVRational time_base() const { return time_base_; }

  /// Called by a sink that will write the packets. Until then they are dropped.
  void enable() { enabled_ = true; }
  /// Appends a copy of `packet`; one without a time is dropped.
  void push(const AVPacket& packet);
  /// Called by the source at its end: no more packets will come.
  void finish() { finished_ = true; }
  bool finished() const { return finished_; }
  /// Removes and returns the next packet that begins before `time` (in `base`); null if there is
  /// none.
  AvPacket pop(std::int64_t time, AVRational base);
  /// From the first packet pushed to the end of the last, in seconds; 0 before any.
  double seconds() const;

 private:
  AVCodecParameters* parameters_;
  AVRational time_base_;
  std::int64_t start_;
  std::atomic<bool> enabled_{false}, finished_{false};
  mutable std::mutex mutex_;
  std::deque<AvPacket> packets_;
  std::int64_t first_time_ = AV_NOPTS_VALUE, end_time_ = AV_NOPTS_VALUE;
};

}  // namespace streamdiffusion::media
