// Copies what a source holds beside its images into a muxer: packets, chapters, titles.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "media/av.h"
#include "media/track_queue.h"

namespace streamdiffusion::media {

class TrackMuxer {
 public:
  /// Adds a stream to `muxer`, which has one of images, for each track that its container holds,
  /// and the chapters and titles. Call before the header is written. `end`: where the images will
  /// end, in seconds, if that is before their source ends; no chapter and no subtitle is shown
  /// beyond it.
  TrackMuxer(AVFormatContext& muxer, const Extras& extras, double end = 0);
  /// Names of what the container does not hold.
  const std::vector<std::string>& left_out() const { return left_out_; }
  /// Every sound has begun before `time`, in seconds, and was written beyond it.
  bool has_sound_at(double time) const;

  /// Writes a packet, which it consumes; returns a libav status.
  using Write = std::function<int(AVPacket&)>;
  /// Writes the packets that begin before `until` (in `base`). Returns the first status that is an
  /// error of the output itself. A track whose packets the muxer refuses is left out from there on,
  /// with a warning.
  int write(std::int64_t until, AVRational base, const Write& write);
  /// Writes what is left: all of it if the source has ended, else what begins before `until`.
  int finish(std::int64_t until, AVRational base, const Write& write);

 private:
  struct Copy {
    std::shared_ptr<Track> track;
    AVStream* stream;
    AvBitstreamFilter filter;
    /// See delay_of().
    std::int64_t delay;
    /// In seconds: the begin of the first packet written and of the last.
    std::optional<double> first;
    double last = 0;
  };
  void add(const std::shared_ptr<Track>& track);
  void add_texts(const Extras& extras);
  static bool is_idle_pause(const Copy& copy, const AVPacket& packet);
  int write(Copy& copy, AVPacket& packet, const Write& write);

  AVFormatContext& muxer_;
  double end_;
  std::vector<Copy> copies_;
  std::vector<std::string> left_out_;
};

}  // namespace streamdiffusion::media
