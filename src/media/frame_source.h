// Where frames come from: one interface for files, folders, devices, the screen, the network and
// standard input. open_source() chooses among them by the text that the user wrote.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/timing.h"
#include "media/track.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::media {

struct Frame {
  /// Converts the frame to RGB, upright, with square pixels. Any thread. Done on demand, so that a
  /// dropped frame costs no conversion. Throws Error naming the frame.
  std::function<Image()> image;
  /// Counts from 1; what messages call the frame.
  std::uint64_t number = 1;
  /// Presentation time from the start of the source, in units of SourceInfo::time_base.
  std::int64_t pts = 0;
  /// In the same unit; 0 means until the next frame.
  std::int64_t duration = 0;
};

struct SourceInfo {
  /// What messages call the source.
  std::string name;
  /// Size of the images in pixels, upright; 0 if they may differ.
  int width = 0, height = 0;
  /// The unit of times, in seconds.
  Rational time_base{1, 1000};
  /// Frames per second, the average where it varies; 0/1 if unknown.
  Rational rate;
  /// Frames come in real time; a frame that is not read in time is lost.
  bool live = false;
  /// Estimated number of frames; 0 if unknown.
  std::uint64_t frames = 0;
  /// The image files, by pts. Empty for video.
  std::vector<std::filesystem::path> files = {};
};

/// Used by one thread, except for interrupt().
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  virtual const SourceInfo& info() const = 0;
  /// The next frame; nothing at the end, or after interrupt(). Throws Error naming the source and
  /// the frame: corrupt_file if the file is truncated, if it holds no frame that can be decoded, or
  /// for a strict one if a frame is damaged; io if the source is gone or silent.
  virtual std::optional<Frame> read() = 0;
  /// Makes a waiting read(), and every later one, return nothing soon. Any thread.
  virtual void interrupt() = 0;
  /// How many frames were damaged and given all the same, so far. The first ones are named by
  /// warnings.
  virtual std::uint64_t damaged() const { return 0; }
  /// How many frames could not be decoded and were not given, so far. Named in the same way.
  virtual std::uint64_t lost() const { return 0; }
  /// What the source holds beside its images.
  virtual Extras extras() const { return {}; }
};

struct SourceOptions {
  /// Frames per second of image files (default 25), raw frames, cameras and screens.
  Rational rate;
  /// Size of raw frames, in pixels; for a camera the size to request.
  int width = 0, height = 0;
  /// For standard input: "y4m", "rgb24", or empty to detect it from the content.
  std::string format;
  /// A damaged frame is an error.
  bool strict = false;
  /// Protocols that the input may use beside the usual ones of its kind: "udp,rtp". One that libav
  /// does not know is refused.
  std::string protocols;
  /// Seconds after which a silent network source or device is an error.
  double timeout = 10;
  /// Set by interrupt(). Also ends a waiting open_source().
  StopFlag stop = make_stop_flag();
};

/// Opens what the user wrote:
///   a video file; an image, a folder of images or a pattern ("frames/*.png");
///   /dev/videoN; screen, screen:X,Y,WxH, screen:portal; rtsp://, rtmp://, srt://, udp://, rtp://,
///   tcp://, http(s)://;
///   - for standard input; lavfi:GRAPH for libavfilter's test sources
///   ("lavfi:testsrc=size=320x240").
/// Throws Error naming the input: not_found, io, corrupt_file, unsupported, or invalid_argument.
std::unique_ptr<FrameSource> open_source(const std::string& input,
                                         const SourceOptions& options = {});

/// True for inputs that `SourceOptions::format` acts on: standard input and other pipes.
bool is_pipe_input(const std::string& input);

/// True for inputs that `SourceOptions::protocols` may act on: addresses, and files whose name says
/// that they name further files or addresses, such as "a.m3u8".
bool may_use_protocols(const std::string& input);

/// Reads from an open descriptor, which the caller keeps and closes. `name` is what messages call
/// it.
std::unique_ptr<FrameSource> open_descriptor_source(int descriptor, const std::string& name,
                                                    const SourceOptions& options);

/// Seconds. A slide show stays whole; the damaged times of a file do not become hours of frames.
constexpr std::int64_t kLongestRepeat = 600;

/// `source` at a constant `rate`, in frames per second: each output frame is the newest input frame
/// at its time. Frames of a live source are only dropped, never repeated. A frame is repeated for
/// kLongestRepeat seconds at most: times may be damaged. A longer gap stays in the times, without
/// frames, and a warning says so. Throws invalid_argument for a rate that is not positive.
std::unique_ptr<FrameSource> at_rate(std::unique_ptr<FrameSource> source, Rational rate);

}  // namespace streamdiffusion::media
