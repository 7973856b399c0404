// The desktop sends an image where something has changed. What reads a screen expects images at a
// steady rate, as from X11: between two changes it gets the last one again.
#include "media/portal_source.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "media/pipewire/node_reader.h"
#include "media/pipewire/screen_cast.h"
#include "media/pixels.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;
using SteadyClock = std::chrono::steady_clock;

/// How often a wait looks at the stop flag and at the desktop.
constexpr std::chrono::milliseconds kLookInterval(10);

constexpr const char* kExpected = "; expected images in shared memory, of BGRx, RGBx, BGRA or RGBA";

class PortalSource final : public FrameSource {
 public:
  PortalSource(const std::string& name, const std::optional<ScreenPart>& part, bool anew,
               const SourceOptions& options)
      : stop_(options.stop), timeout_(options.timeout), cast_(name, stop_, timeout_) {
    info_.name = name;
    info_.rate = options.rate.positive() ? options.rate : kDefaultRate;
    info_.time_base = {info_.rate.denominator, info_.rate.numerator};
    info_.live = true;
    const ScreenCast::Node node = cast_.start(anew);
    reader_.emplace(name, node.descriptor, node.id, part);
    wait_for_first();
  }

  const SourceInfo& info() const override { return info_; }
  void interrupt() override { *stop_ = true; }

  std::optional<Frame> read() override {
    if (!wait_for_tick()) return std::nullopt;
    if (auto image = reader_->take()) keep(std::move(*image));
    Frame frame;
    frame.number = ++frames_;
    frame.pts = tick_;
    frame.duration = 1;
    frame.image = [shared = newest_, convert = to_image_] { return (*convert)(*shared); };
    return frame;
  }

 private:
  /// Throws where none comes in time.
  void wait_for_first() {
    const auto begin = SteadyClock::now();
    while (!newest_) {
      base::require(!*stop_, ErrorCode::io, info_.name, ": stopped while opening");
      if (auto image = reader_->take()) return keep(std::move(*image));
      base::require(!cast_.ended(), ErrorCode::io, info_.name,
                    ": the desktop has ended the sharing before the first image");
      const std::string reason = reader_->ended();
      base::require(reason.empty(), ErrorCode::io, info_.name,
                    ": the desktop shows nothing: PipeWire says \"", reason, "\"", kExpected);
      base::require(SteadyClock::now() - begin < std::chrono::duration<double>(timeout_),
                    ErrorCode::io, info_.name, ": no image of the desktop within ", timeout_, " s",
                    kExpected);
      std::this_thread::sleep_for(kLookInterval);
    }
  }

  void keep(NodeImage image) {
    if (!newest_ || image.orientation != orientation_) {
      orientation_ = image.orientation;
      to_image_ = std::make_shared<FrameToImage>(Display{.orientation = orientation_});
    }
    const auto [width, height] = to_image_->size(image.frame->width, image.frame->height);
    if (newest_ && (width != width_ || height != height_)) {
      base::log(base::LogLevel::notice,
                base::concat(info_.name, ": what is shared has changed its size, from ", width_,
                             "x", height_, " to ", width, "x", height));
    }
    width_ = width;
    height_ = height;
    newest_ = std::shared_ptr<AVFrame>(std::move(image.frame));
  }

  /// Waits until the next multiple of the frame time; ticks that were missed are left out. False
  /// where there is no next.
  bool wait_for_tick() {
    if (frames_ == 0) start_ = SteadyClock::now();
    const double rate = info_.rate.value();
    const auto passed = [&] {
      return std::chrono::duration<double>(SteadyClock::now() - start_).count() * rate;
    };
    if (frames_ > 0) tick_ = std::max(tick_ + 1, static_cast<std::int64_t>(passed()));
    while (!*stop_ && !has_ended()) {
      const double left = (static_cast<double>(tick_) - passed()) / rate;
      if (left <= 0) return true;
      std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(
          std::chrono::duration<double>(left), kLookInterval));
    }
    return false;
  }

  /// Says once that the sharing has ended, which is nobody's fault.
  bool has_ended() {
    if (ended_) return true;
    const std::string reason = reader_->ended();
    ended_ = cast_.ended() || !reason.empty();
    if (!ended_) return false;
    (void)reader_->take();  // throws where PipeWire itself has ended
    base::warn(info_.name, ": the user or the desktop has ended the sharing",
               reason.empty() ? "" : ", PipeWire says \"" + reason + "\"", "; the input ends here");
    return true;
  }

  const StopFlag stop_;
  const double timeout_;
  ScreenCast cast_;
  std::optional<NodeReader> reader_;
  SourceInfo info_;
  /// The newest image, how it becomes upright, and its size then.
  std::shared_ptr<AVFrame> newest_;
  std::shared_ptr<FrameToImage> to_image_;
  int orientation_ = 1, width_ = 0, height_ = 0;
  SteadyClock::time_point start_;
  std::int64_t tick_ = 0;
  std::uint64_t frames_ = 0;
  bool ended_ = false;
};

}  // namespace

bool has_portal_source() {
  return true;
}

std::unique_ptr<FrameSource> open_portal_source(const std::string& name,
                                                const std::optional<ScreenPart>& part, bool anew,
                                                const SourceOptions& options) {
  return std::make_unique<PortalSource>(name, part, anew, options);
}

}  // namespace streamdiffusion::media
