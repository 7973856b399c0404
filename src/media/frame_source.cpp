// Parses the text of an input and opens the source that it means.
#include "media/frame_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file_url.h"
#include "base/lower_case.h"
#include "image/image_file.h"
#include "image/image_sequence.h"
#include "media/av_source.h"
#include "media/input_policy.h"
#include "media/screen_source.h"
#include "media/still_image.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

/// A pipe's content opens nothing; a file's opens at most other files.
constexpr const char* kDescriptorProtocols = "data";
constexpr const char* kFileProtocols = "file,crypto,data";

/// Image files, one after another.
class ImageSource final : public FrameSource {
 public:
  ImageSource(const std::string& input, const SourceOptions& options)
      : paths_(image::expand_inputs({input})), stop_(options.stop) {
    info_.name = input;
    info_.rate = options.rate.positive() ? options.rate : kDefaultRate;
    info_.time_base = {info_.rate.denominator, info_.rate.numerator};
    info_.frames = paths_.size();
    info_.files = paths_;
  }

  const SourceInfo& info() const override { return info_; }
  void interrupt() override { *stop_ = true; }

  std::optional<Frame> read() override {
    if (*stop_ || next_ == paths_.size()) return std::nullopt;
    Frame frame;
    frame.image = [path = paths_[next_]] { return read_still_image(path); };
    frame.pts = static_cast<std::int64_t>(next_);
    frame.duration = 1;
    frame.number = ++next_;
    return frame;
  }

 private:
  std::vector<fs::path> paths_;
  StopFlag stop_;
  SourceInfo info_;
  std::size_t next_ = 0;
};

enum class Animation { none, png, webp };

/// What the first bytes of an image file say. An APNG has a chunk acTL before its pixels, a WebP a
/// flag in its extended header.
Animation animation_in(const std::string& path) {
  constexpr std::size_t kHeadBytes = 1 << 16;
  std::string head(kHeadBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  constexpr std::size_t kFlags = 20;
  constexpr unsigned kAnimated = 2;
  if (head.compare(0, 4, "RIFF") == 0 && head.compare(8, 8, "WEBPVP8X") == 0) {
    const bool animated =
        head.size() > kFlags && (static_cast<unsigned char>(head[kFlags]) & kAnimated) != 0;
    return animated ? Animation::webp : Animation::none;
  }
  const bool png = head.compare(0, 4, "\x89PNG") == 0;
  const bool animated = png && head.find("acTL") < head.find("IDAT");
  return animated ? Animation::png : Animation::none;
}

bool starts_with(const std::string& text, const char* prefix) {
  return text.rfind(prefix, 0) == 0;
}

std::string size_text(int width, int height) {
  return base::concat(width, "x", height);
}

std::string rate_text(Rational rate) {
  return base::concat(rate.numerator, "/", rate.denominator);
}

AvInputSpec camera(const std::string& input, const SourceOptions& options) {
  AvInputSpec spec{.name = input, .url = input, .format = "v4l2"};
  spec.live = spec.nonblocking = true;
  if (options.rate.positive()) spec.settings.emplace_back("framerate", rate_text(options.rate));
  if (options.width > 0) {
    spec.settings.emplace_back("video_size", size_text(options.width, options.height));
  }
  return spec;
}

AvInputSpec url_input(const std::string& input, const SourceOptions& options) {
  const std::string scheme = base::lower_case(input.substr(0, input.find("://")));
  AvInputSpec spec{.name = input, .url = scheme + input.substr(scheme.size()), .live = true};
  spec.protocols = protocols_of_scheme(scheme);
  spec.web = scheme == "http" || scheme == "https";
  const auto allows = [allowed = "," + options.protocols + ","](const std::string& protocol) {
    return allowed.find("," + protocol + ",") != std::string::npos;
  };
  spec.trusted = allows("http") || allows("https");
  if (spec.protocols.empty()) {
    base::require(allows(scheme), ErrorCode::invalid_argument, input, ": the protocol \"", scheme,
                  "\", expected ", known_schemes(), "; others are allowed with --input-protocols ",
                  scheme);
    spec.protocols = options.protocols;
  }
  if (scheme == "rtsp") spec.settings.emplace_back("rtsp_flags", "prefer_tcp");
  if (scheme == "udp") spec.settings.emplace_back("overrun_nonfatal", "1");
  return spec;
}

/// Without its descriptor.
AvInputSpec pipe_input(const std::string& name, const SourceOptions& options) {
  AvInputSpec spec{.name = name, .protocols = kDescriptorProtocols, .no_timeout = true};
  if (options.format == "rgb24") {
    base::require(options.width > 0 && options.height > 0, ErrorCode::invalid_argument, name,
                  ": rgb24 has no header: its size must be given");
    spec.format = "rawvideo";
    spec.settings = {
        {"pixel_format", "rgb24"},
        {"video_size", size_text(options.width, options.height)},
        {"framerate", rate_text(options.rate.positive() ? options.rate : kDefaultRate)}};
  } else if (options.format == "y4m") {
    spec.format = "yuv4mpegpipe";
  } else {
    base::require(options.format.empty(), ErrorCode::invalid_argument, name, ": the format \"",
                  options.format, "\", expected y4m or rgb24");
  }
  return spec;
}

/// "-" and its other names.
bool is_standard_input(const std::string& input) {
  return input == "-" || input == "/dev/stdin" || input == "/dev/fd/0" ||
         input == "/proc/self/fd/0";
}

/// O_NONBLOCK: open(2) must not wait for a writer. The source itself waits, where it can be
/// stopped.
AvInputSpec named_pipe(const std::string& input, const SourceOptions& options) {
  AvInputSpec spec = pipe_input(input, options);
  spec.descriptor = ::open(input.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  spec.close_descriptor = true;
  base::require(spec.descriptor >= 0, ErrorCode::io, input,
                ": cannot be opened: ", std::strerror(errno));
  return spec;
}

std::unique_ptr<FrameSource> open_path(const std::string& input, const SourceOptions& options) {
  std::error_code ignored;
  const fs::file_status status = fs::status(input, ignored);
  const bool pattern = !fs::exists(status) && input.find_first_of("*?[") != std::string::npos;
  const bool image = fs::is_regular_file(status) &&
                     (image::is_image_name(input) || base::lower_case(input).ends_with(".mpo"));
  const Animation animation = fs::is_regular_file(status) ? animation_in(input) : Animation::none;
  base::require(animation != Animation::webp, ErrorCode::unsupported, input,
                ": is an animated WebP, which libav does not read; convert it to GIF or APNG");
  if (pattern || fs::is_directory(status) || (image && animation == Animation::none)) {
    return std::make_unique<ImageSource>(input, options);
  }
  base::require(fs::exists(status), ErrorCode::not_found, input,
                ": no such file, folder or pattern with a match");
  if (fs::is_fifo(status)) return open_av_source(named_pipe(input, options), options);
  return open_av_source({.name = input,
                         .file = input,
                         .url = "file:" + input,
                         .protocols = kFileProtocols,
                         .no_timeout = true},
                        options);
}

}  // namespace

bool is_pipe_input(const std::string& input) {
  std::error_code ignored;
  return is_standard_input(input) || fs::is_fifo(input, ignored);
}

bool may_use_protocols(const std::string& input) {
  return names_others(input) || input.find("://") != std::string::npos;
}

std::unique_ptr<FrameSource> open_descriptor_source(int descriptor, const std::string& name,
                                                    const SourceOptions& options) {
  AvInputSpec spec = pipe_input(name, options);
  spec.descriptor = descriptor;
  return open_av_source(spec, options);
}

std::unique_ptr<FrameSource> open_source(const std::string& input, const SourceOptions& options) {
  base::require(!input.empty(), ErrorCode::invalid_argument, "the input has no name");
  if (!options.protocols.empty()) check_protocols(options.protocols);
  if (is_standard_input(input))
    return open_descriptor_source(STDIN_FILENO, "standard input", options);
  if (starts_with(input, "lavfi:")) {
    return open_av_source({.name = input, .url = input.substr(6), .format = "lavfi"}, options);
  }
  if (is_screen(input)) return open_screen(input, options);
  if (starts_with(input, "/dev/video")) return open_av_source(camera(input, options), options);
  if (const std::string path = base::path_of(input); path != input) return open_path(path, options);
  if (input.find("://") != std::string::npos) {
    return open_av_source(url_input(input, options), options);
  }
  return open_path(input, options);
}

}  // namespace streamdiffusion::media
