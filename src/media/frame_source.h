// Where frames come from. One interface over files, folders, devices, the screen, the network and
// standard input; which of them is meant is read off what the user wrote.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "media/audio_track.h"
#include "media/timing.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::media {

struct Frame {
  /// Converts to RGB, upright, with square pixels; any thread. Left to the caller so that a frame
  /// that is dropped costs nothing. Throws Error naming the frame.
  std::function<Image()> image;
  /// Counts from 1; what messages call the frame.
  std::uint64_t number = 1;
  /// When it is shown, in SourceInfo::time_base from the start.
  std::int64_t pts = 0;
  /// In the same unit; 0: until the next one.
  std::int64_t duration = 0;
};

struct SourceInfo {
  /// What messages call it.
  std::string name;
  /// As shown; 0 where images may differ.
  int width = 0, height = 0;
  Rational time_base{1, 1000};
  /// Frames a second, on average where they vary; 0/1 if not known.
  Rational rate;
  /// Frames come when they come; one that is not taken is lost.
  bool live = false;
  /// How many there will be, about; 0 if not known.
  std::uint64_t frames = 0;
};

/// Used by one thread, except for interrupt().
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  virtual const SourceInfo& info() const = 0;
  /// The next frame; nothing at the end, or after interrupt(). Throws Error naming the source and
  /// the frame: corrupt_file for what cannot be decoded or ends early, io for a source that is gone
  /// or silent.
  virtual std::optional<Frame> read() = 0;
  /// Makes a read() that waits, and every later one, return nothing soon. Any thread.
  virtual void interrupt() = 0;
  /// The sound beside the images, or null.
  virtual std::shared_ptr<AudioTrack> audio() { return nullptr; }
};

struct SourceOptions {
  /// Of images without a rate of their own (25 if unset), raw frames, cameras and screens.
  Rational rate;
  /// Of raw frames; asked of a camera.
  int width = 0, height = 0;
  /// For `-`: "y4m", "rgb24", or empty to look at the content.
  std::string format;
  /// Seconds that a network or device may be silent.
  double timeout = 10;
  /// Ends an open that waits, too; interrupt() sets it.
  StopFlag stop = make_stop_flag();
};

/// Opens what the user wrote:
///   a video file; an image, a folder of images or a pattern ("frames/*.png");
///   /dev/videoN; screen, screen:X,Y,WxH; rtsp://, rtmp://, srt://, udp://, rtp://, tcp://,
///   http(s)://;
///   - for standard input; lavfi:GRAPH for libavfilter's test sources
///   ("lavfi:testsrc=size=320x240").
/// Throws Error naming it: not_found, io, corrupt_file, unsupported, or invalid_argument.
std::unique_ptr<FrameSource> open_source(const std::string& input,
                                         const SourceOptions& options = {});

/// The same over an open descriptor, which stays the caller's.
std::unique_ptr<FrameSource> open_descriptor_source(int descriptor, const std::string& name,
                                                    const SourceOptions& options);

/// Frames of `source` at `rate` a second: each moment shows the newest frame of that time. A live
/// source's frames are only thinned out, never repeated.
std::unique_ptr<FrameSource> at_rate(std::unique_ptr<FrameSource> source, Rational rate);

}  // namespace streamdiffusion::media
