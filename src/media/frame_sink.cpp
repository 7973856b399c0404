// Parses the text of an output and opens the sink that it means.
#include "media/frame_sink.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/file_writer.h"
#include "base/join.h"
#include "base/lower_case.h"
#include "image/image_file.h"
#include "image/image_sequence.h"
#include "media/av_sink.h"
#include "media/image_sink.h"
#include "media/output_file.h"
#include "media/pipewire_sink.h"
#include "media/window_sink.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

/// A container format: libav's muxer and the codecs that players find in it, the usual one first.
struct Container {
  const char* muxer;
  std::vector<std::string> codecs;
};
const std::map<std::string, Container> kContainers{
    {".mp4", {"mp4", {"h264", "vp9"}}},  {".m4v", {"mp4", {"h264", "vp9"}}},
    {".mov", {"mov", {"h264"}}},         {".mkv", {"matroska", {"h264", "vp8", "vp9"}}},
    {".webm", {"webm", {"vp9", "vp8"}}}, {".gif", {"gif", {"gif"}}}};
const std::map<std::string, std::string> kEncoders{
    {"h264", "libx264"}, {"vp8", "libvpx"}, {"vp9", "libvpx-vp9"}, {"gif", "gif"}};
/// For each protocol.
const std::map<std::string, Container> kProtocols{
    {"rtmp", {"flv", {"h264"}}},         {"rtmps", {"flv", {"h264"}}},
    {"rtsp", {"rtsp", {"h264", "vp8"}}}, {"srt", {"mpegts", {"h264"}}},
    {"udp", {"mpegts", {"h264"}}},       {"tcp", {"mpegts", {"h264"}}},
    {"rtp", {"rtp_mpegts", {"h264"}}}};

enum class Kind { file, folder, window, camera, device, url, pipe, named_pipe };

constexpr std::string_view kPipeWire = "pipewire", kWindowName = "window";
constexpr const char* kCameraTitle = "StreamDiffusion";

constexpr int kOpenRetryMilliseconds = 20;

std::string lower_extension(const fs::path& path) {
  return base::lower_case(path.extension().string());
}

/// Of "window:NUMBER": the display to fill, counted from 0. Nothing of "window".
std::optional<int> display_of(const std::string& output) {
  if (output == kWindowName) return std::nullopt;
  const std::string number = output.substr(kWindowName.size() + 1);
  const bool digits = !number.empty() && number.size() <= 3 &&
                      number.find_first_not_of("0123456789") == std::string::npos;
  const int display = digits ? std::stoi(number) : 0;
  base::require(display > 0, ErrorCode::invalid_argument, output,
                ": expected window:NUMBER, the display that it fills, counted from 1");
  return display - 1;
}

/// "pipewire:TITLE"
std::string camera_title(const std::string& output) {
  return output.size() > kPipeWire.size() + 1 ? output.substr(kPipeWire.size() + 1) : kCameraTitle;
}

/// In lower case, as libav knows them.
std::string protocol_of(const std::string& output) {
  const std::size_t end = output.find("://");
  return end == std::string::npos ? std::string() : base::lower_case(output.substr(0, end));
}

Kind kind_of(const std::string& output) {
  std::error_code ignored;
  if (base::is_standard_output(output)) return Kind::pipe;
  if (output == kWindowName || output.starts_with("window:")) return Kind::window;
  if (output == kPipeWire || output.starts_with("pipewire:")) return Kind::camera;
  if (output.rfind("/dev/video", 0) == 0) return Kind::device;
  if (!protocol_of(output).empty()) return Kind::url;
  if (base::is_stream(output)) return Kind::named_pipe;
  const fs::path path(output);
  const bool folder =
      !path.has_filename() || !path.has_extension() || fs::is_directory(path, ignored);
  return folder ? Kind::folder : Kind::file;
}

/// What an output is written in; null where there is no choice of codecs.
const Container* container_of(const std::string& output) {
  const Kind kind = kind_of(output);
  const bool url = kind == Kind::url, file = kind == Kind::file || kind == Kind::named_pipe;
  if (!url && !file) return nullptr;
  const auto& known = url ? kProtocols : kContainers;
  const auto found = known.find(url ? protocol_of(output) : lower_extension(output));
  return found == known.end() || found->second.codecs.front() == "gif" ? nullptr : &found->second;
}

/// `codec`: what the user asked for, or empty. A GIF has only one.
std::string encoder_of(const std::string& output, const Container& container,
                       const std::string& codec) {
  check_codec(output, codec);
  const bool chosen = !codec.empty() && container.codecs.front() != "gif";
  return kEncoders.at(chosen ? codec : container.codecs.front());
}

/// The unit, in 1/s, of when the images of an MP4 begin behind its sound: that of their own times,
/// or a multiple. libav's is 1/1000 s, which cuts most times off.
int movie_timescale(Rational base) {
  constexpr int kFine = 10'000, kUsual = 1000;
  int scale = base.numerator == 1 ? base.denominator : kUsual;
  if (scale <= 0) return kUsual;
  while (scale < kFine) scale *= 2;
  return scale;
}

AvOutputSpec file_output(const std::string& output, const SinkOptions& options) {
  const Container& container = kContainers.at(lower_extension(output));
  AvOutputSpec spec{.name = output, .file = output, .muxer = container.muxer};
  spec.flushes = spec.muxer != "gif";
  spec.encoder = encoder_of(output, container, options.codec);
  if (spec.muxer == "mp4" || spec.muxer == "mov") {
    // Fragmented MP4, one fragment a second: a file without its trailer still plays.
    spec.settings = {{"movflags", "+delay_moov+default_base_moof"},
                     {"frag_duration", "1000000"},
                     {"movie_timescale", std::to_string(movie_timescale(options.time_base))}};
  } else if (spec.flushes) {
    spec.settings = {{"cluster_time_limit", "1000"}};  // in milliseconds
  }
  return spec;
}

AvOutputSpec url_output(const std::string& output, const SinkOptions& options) {
  const std::string protocol = protocol_of(output);
  const Container& container = kProtocols.at(protocol);
  AvOutputSpec spec{
      .name = output, .url = protocol + output.substr(protocol.size()), .muxer = container.muxer};
  spec.encoder = encoder_of(output, container, options.codec);
  spec.live = true;
  if (protocol == "udp") spec.settings = {{"pkt_size", "1316"}};
  return spec;
}

/// Opens a named pipe once it has a reader. O_NONBLOCK: open(2) itself could not be stopped.
int open_named_pipe(const std::string& output, const StopFlag& stop) {
  while (true) {
    const int descriptor = ::open(output.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor >= 0) return descriptor;
    base::require(errno == ENXIO, ErrorCode::io, output,
                  ": cannot be opened: ", std::strerror(errno));
    base::require(!*stop, ErrorCode::io, output, ": stopped while waiting for a reader");
    std::this_thread::sleep_for(std::chrono::milliseconds(kOpenRetryMilliseconds));
  }
}

AvOutputSpec pipe_output(int descriptor, const std::string& name, const SinkOptions& options) {
  base::require(options.format == "y4m" || options.format == "rgb24", ErrorCode::invalid_argument,
                name, ": the format \"", options.format, "\", expected y4m or rgb24");
  const bool rgb = options.format == "rgb24";
  return {.name = name,
          .muxer = rgb ? "rawvideo" : "yuv4mpegpipe",
          .encoder = rgb ? "rawvideo" : "wrapped_avframe",
          .descriptor = descriptor,
          .timeless = true,
          .live = true,
          .rgb = rgb};
}

/// A named pipe or another device: what is written follows from the extension, as for a file, or is
/// that of standard output.
std::unique_ptr<FrameSink> open_named_pipe_sink(const std::string& output,
                                                const SinkOptions& options) {
  const bool container = kContainers.contains(lower_extension(output));
  AvOutputSpec spec = container ? file_output(output, options) : pipe_output(-1, output, options);
  spec.file.clear();
  spec.flushes = false;
  spec.descriptor = open_named_pipe(output, options.stop);
  spec.close_descriptor = true;
  return open_av_sink(spec, options);
}

}  // namespace

void check_output(const std::string& output) {
  base::require(!output.empty(), ErrorCode::invalid_argument, "the output has no name");
  const Kind kind = kind_of(output);
  if (kind == Kind::window) check_window(display_of(output));
  if (kind == Kind::camera) check_pipewire();
  if (kind == Kind::url) {
    base::require(kProtocols.contains(protocol_of(output)), ErrorCode::invalid_argument, output,
                  ": cannot be written to, expected rtmp://, rtsp://, srt://, udp://, tcp:// or "
                  "rtp://");
  }
  if (kind == Kind::folder) {
    image::refuse_nameless(output);
    base::check_creatable(fs::path(output) / "image");
  }
  if (kind != Kind::file) return;
  base::require(!image::is_image_name(output), ErrorCode::invalid_argument, output,
                ": one image for a whole stream; give a folder, such as ",
                (fs::path(output).parent_path() / "out/").string());
  base::require(kContainers.contains(lower_extension(output)), ErrorCode::invalid_argument, output,
                ": the extension ", lower_extension(output),
                " is not known, expected .mp4, .mov, .mkv, .webm, .gif, or a folder");
  base::check_creatable(output);
}

void check_codec(const std::string& output, const std::string& codec) {
  base::require(codec.empty() || kEncoders.contains(codec), ErrorCode::invalid_argument, output,
                ": the codec \"", codec, "\", expected h264, vp8 or vp9");
  const Container* container = container_of(output);
  if (codec.empty() || container == nullptr) return;
  const std::vector<std::string>& held = container->codecs;
  base::require(std::find(held.begin(), held.end(), codec) != held.end(),
                ErrorCode::invalid_argument, output, ": the codec ", codec,
                " does not go into this kind of output, expected ", base::joined(held, {}, " or "));
}

bool has_codec(const std::string& output) {
  return container_of(output) != nullptr;
}

bool has_raw_format(const std::string& output) {
  const Kind kind = kind_of(output);
  return kind == Kind::pipe ||
         (kind == Kind::named_pipe && !kContainers.contains(lower_extension(output)));
}

bool is_live_output(const std::string& output) {
  const Kind kind = kind_of(output);
  return kind == Kind::window || kind == Kind::camera || kind == Kind::device || kind == Kind::url;
}

std::vector<fs::path> replaced_files(const std::string& output,
                                     const std::vector<fs::path>& named_after) {
  const Kind kind = kind_of(output);
  if (kind == Kind::file) return {base::output_target(output)};
  if (kind == Kind::named_pipe) return {output};
  if (kind == Kind::pipe) return {"/dev/stdout"};
  return kind == Kind::folder ? replaced_images(output, named_after) : std::vector<fs::path>{};
}

void refuse_others_files(const std::string& output, const std::vector<fs::path>& named_after) {
  if (kind_of(output) == Kind::folder) refuse_others_images(output, named_after);
}

std::unique_ptr<FrameSink> open_descriptor_sink(int descriptor, const std::string& name,
                                                const SinkOptions& options) {
  return open_av_sink(pipe_output(descriptor, name, options), options);
}

std::unique_ptr<FrameSink> open_sink(const std::string& output, const SinkOptions& options) {
  check_output(output);
  switch (kind_of(output)) {
    case Kind::pipe:
      return open_descriptor_sink(STDOUT_FILENO, "standard output", options);
    case Kind::window:
      return open_window_sink(options, display_of(output));
    case Kind::camera:
      return open_pipewire_sink(camera_title(output), options);
    case Kind::folder:
      return open_image_sink(output, options);
    case Kind::named_pipe:
      return open_named_pipe_sink(output, options);
    case Kind::device:
      return open_av_sink(
          {.name = output, .url = output, .muxer = "v4l2", .encoder = "rawvideo", .live = true},
          options);
    case Kind::url:
      return open_av_sink(url_output(output, options), options);
    case Kind::file:
      break;
  }
  return open_av_sink(file_output(output, options), options);
}

}  // namespace streamdiffusion::media
