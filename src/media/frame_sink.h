// Where images go: one interface for video files, folders, a window, devices, the network and
// standard output. open_sink() chooses among them by the text that the user wrote.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "media/timing.h"
#include "media/track.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::media {

/// Used by one thread, except for interrupt() and closed().
class FrameSink {
 public:
  /// Without a finish() before, what was written so far is kept where path() says; a file without
  /// any image is removed.
  virtual ~FrameSink() = default;
  /// Writes the next image, to be shown at `pts` for `duration` (0: until the next), both in the
  /// time base that the sink was opened with. A pts at or before the last one is moved behind it.
  /// Throws io naming the output.
  virtual void write(const Image& image, std::int64_t pts, std::int64_t duration) = 0;
  /// Completes the output, which then replaces what was there before; call once, after the last
  /// write. Throws io.
  virtual void finish() = 0;
  /// Instead of finish(), when images are missing: completes the output, but leaves what was there
  /// before as it is. path() says where the output is.
  virtual void finish_partly() { finish(); }
  /// Where the output is: beside the one asked for, as long as that exists and is not replaced.
  virtual std::string path() const = 0;
  /// Makes a write() or finish() that waits for a reader throw io soon. Any thread.
  virtual void interrupt() {}
  /// True once the user has closed the window; always false for other sinks.
  virtual bool closed() const { return false; }
  /// One line for the user about a request that could not be met; empty if there is none.
  virtual std::string note() const { return {}; }
};

struct SinkOptions {
  /// Size of every image, in pixels.
  int width = 0, height = 0;
  /// The unit of pts and duration, in seconds.
  Rational time_base{1, 25};
  /// Frames per second; only a hint where frame times vary. 0/1 if unknown.
  Rational rate{25, 1};
  /// What to copy as far as the container can hold it.
  Extras extras = {};
  /// Seconds from the start of the source after which no image comes, if that is known and before
  /// the source's own end; 0 if not. Chapters and subtitles end there too.
  double end = 0;
  /// "h264", "vp8", "vp9", or empty for the default of the file extension.
  std::string codec;
  /// For standard output and other pipes: "y4m" or "rgb24".
  std::string format = "y4m";
  /// For a folder: the files that the images are named after, by pts. Where there are none, the
  /// images are numbered.
  std::vector<std::filesystem::path> named_after = {};
  /// Ends the wait for the reader of a named pipe.
  StopFlag stop = make_stop_flag();
  /// Seconds after which a network receiver that does not answer is an error.
  double timeout = 10;
};

/// Throws invalid_argument for an output that open_sink would reject, before anything is opened.
void check_output(const std::string& output);

/// Throws invalid_argument for a codec ("h264", "vp8", "vp9") that is none, or that the output does
/// not hold. Empty is the usual one; where there is no choice, every codec passes.
void check_codec(const std::string& output, const std::string& codec);

/// True for outputs whose codec can be chosen, and which may have sound: video files, the network.
bool has_codec(const std::string& output);

/// True for outputs that get `SinkOptions::format`: standard output, and pipes and devices whose
/// names do not say what is written.
bool has_raw_format(const std::string& output);

/// The existing files that open_sink would write over. `named_after` as in SinkOptions.
std::vector<std::filesystem::path> replaced_files(
    const std::string& output, const std::vector<std::filesystem::path>& named_after);

/// Throws invalid_argument if `output` is a folder where images of those names, or numbered ones,
/// were not written by this program, or changed since: open_sink would replace them.
void refuse_others_files(const std::string& output,
                         const std::vector<std::filesystem::path>& named_after);

/// True for outputs that somebody watches live: a window, a device, the network.
bool is_live_output(const std::string& output);

/// Opens what the user wrote:
///   FILE.mp4, .mov, .mkv (H.264), .webm (VP9, VP8), .gif; a folder of PNG images;
///   window; window:N (full screen, on the Nth display);
///   /dev/videoN (a v4l2 loopback device); pipewire or pipewire:TITLE (a camera);
///   rtmp://, rtsp://, srt://, udp://, tcp://, rtp://;
///   - or /dev/stdout for standard output; a named pipe, /dev/fd/N or another device.
/// Creates missing folders. Throws io or invalid_argument naming the output.
std::unique_ptr<FrameSink> open_sink(const std::string& output, const SinkOptions& options);

/// Writes `options.format` to an open descriptor, which the caller keeps and closes. `name` is what
/// messages call it.
std::unique_ptr<FrameSink> open_descriptor_sink(int descriptor, const std::string& name,
                                                const SinkOptions& options);

}  // namespace streamdiffusion::media
