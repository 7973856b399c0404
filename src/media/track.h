// What a source holds beside its images: sound, subtitles, chapters, a title. A sink copies what
// its container can hold, packet by packet, without decoding.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "media/timing.h"

namespace streamdiffusion::media {

/// One stream of packets: created by a source, consumed by a sink that can write it. It queues the
/// packets between them. Any thread.
class Track {
 public:
  enum class Kind { sound, subtitles, attachment };
  /// Private to this folder; see track_queue.h.
  class Queue;

  explicit Track(std::unique_ptr<Queue> queue);
  ~Track();
  Kind kind() const;
  /// libav's name of the codec: "aac", "pcm_s16le", "subrip", …
  std::string codec() const;
  /// "eng", or empty if it is not known.
  std::string language() const;
  /// What messages call it: "the sound (aac, eng)".
  std::string name() const;
  /// Length of what the source has read so far, in seconds.
  double seconds() const;
  /// Keeps what is read from now on for a sink that is opened later. Otherwise packets are dropped
  /// until there is one that writes them.
  void hold();
  /// Ends hold(): drops what was kept, unless a sink writes it by now.
  void release();
  Queue& queue() { return *queue_; }

 private:
  std::unique_ptr<Queue> queue_;
};

using Tags = std::map<std::string, std::string>;

struct Chapter {
  /// In units of `time_base`, from the start of the source.
  std::int64_t start = 0, end = 0;
  Rational time_base;
  Tags tags;
};

/// Everything beside the images.
struct Extras {
  /// Sound first, the main one before the others.
  std::vector<std::shared_ptr<Track>> tracks;
  std::vector<Chapter> chapters;
  /// "title" and the like.
  Tags tags;
  /// Names of what cannot be copied into any container: "a second video (h264)".
  std::vector<std::string> not_copied;

  /// What messages call everything, for an output that holds none of it.
  std::vector<std::string> names() const;
  /// What messages call the texts.
  std::vector<std::string> names_of_texts() const;
  /// The main sound, or null.
  std::shared_ptr<Track> sound() const;
  /// The same without any sound.
  Extras without_sound() const;
};

/// One line about what an output of images alone leaves out; empty if there is nothing.
std::string images_only_note(const std::string& output, const Extras& extras);

}  // namespace streamdiffusion::media
