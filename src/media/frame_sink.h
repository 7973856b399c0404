// Where images go. One interface over video files, folders, a window, devices, the network and
// standard output; which of them is meant is read off what the user wrote.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "media/audio_track.h"
#include "media/timing.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::media {

/// Used by one thread, except for interrupt() and closed().
class FrameSink {
 public:
  /// Without finish() before: what was written so far stays, as it is.
  virtual ~FrameSink() = default;
  /// The next image, shown at `pts` for `duration` (0: until the next), both in the unit that the
  /// sink was opened with. A pts that is not after the last one is moved there. Throws io naming
  /// the output.
  virtual void write(const Image& image, std::int64_t pts, std::int64_t duration) = 0;
  /// Completes the output; call once, after the last write. Throws io.
  virtual void finish() = 0;
  /// Makes a write() that waits for a reader throw io soon. Any thread.
  virtual void interrupt() {}
  /// True once nobody looks any more: the window was closed.
  virtual bool closed() const { return false; }
  /// What of the request could not be met, in a line for the user; empty if nothing.
  virtual std::string note() const { return {}; }
};

struct SinkOptions {
  /// Of every image.
  int width = 0, height = 0;
  /// The unit of pts and duration.
  Rational time_base{1, 25};
  /// Frames a second, about.
  Rational rate{25, 1};
  /// To be copied where the container can hold it, or null.
  std::shared_ptr<AudioTrack> audio;
  /// "h264", "vp8", "vp9", or empty for the ending's usual one.
  std::string codec;
  /// For `-`: "y4m" or "rgb24".
  std::string format = "y4m";
  /// Seconds that a receiver on the network may take.
  double timeout = 10;
};

/// Throws invalid_argument for what open_sink would not know, before anything is opened.
void check_output(const std::string& output);

/// True for outputs that are watched as they come: a window, a device, the network.
bool is_live_output(const std::string& output);

/// Opens what the user wrote:
///   FILE.mp4, .mov, .mkv (H.264), .webm (VP9, VP8), .gif; a folder (images 000000.png, …);
///   window; /dev/videoN (a v4l2 loopback device); rtmp://, rtsp://, srt://, udp://, rtp://;
///   - for standard output.
/// Folders on the way are made. Throws io or invalid_argument naming it.
std::unique_ptr<FrameSink> open_sink(const std::string& output, const SinkOptions& options);

/// The same to an open descriptor, which stays the caller's.
std::unique_ptr<FrameSink> open_descriptor_sink(int descriptor, const std::string& name,
                                                const SinkOptions& options);

}  // namespace streamdiffusion::media
