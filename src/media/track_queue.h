// The inside of a Track: packets that a source has read and a sink has not yet written.
#pragma once

#include <deque>
#include <mutex>

#include "media/av.h"
#include "media/track.h"

namespace streamdiffusion::media {

class Track::Queue {
 public:
  /// Packet times are shifted by `start`, the source's start time in the stream's time base.
  Queue(const AVStream& stream, std::int64_t start);
  ~Queue();

  const AVCodecParameters& parameters() const { return *parameters_; }
  AVRational time_base() const { return time_base_; }
  /// As of AVStream: default, forced, for the hearing impaired, …
  int disposition() const { return disposition_; }
  /// Language, title, file name of an attachment.
  const Tags& tags() const { return tags_; }

  /// Called by a sink that will write the packets. Until then they are dropped, unless held.
  void enable() { enabled_ = true; }
  /// See Track.
  void hold() { held_ = true; }
  void release();
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
  int disposition_;
  Tags tags_;
  std::atomic<bool> enabled_{false}, held_{false}, finished_{false};
  mutable std::mutex mutex_;
  std::deque<AvPacket> packets_;
  std::int64_t first_time_ = AV_NOPTS_VALUE, end_time_ = AV_NOPTS_VALUE;
};

/// Between FFmpeg's dictionaries and Tags.
Tags tags_of(const AVDictionary* dictionary);
void set_tags(AVDictionary*& dictionary, const Tags& tags);

}  // namespace streamdiffusion::media
