// Resamples a source to a constant frame rate, as FFmpeg's fps filter does. A "tick" is one output
// frame; the output's time base is one tick. Times may be damaged: a long gap is not filled.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "media/frame_source.h"

namespace streamdiffusion::media {
namespace {

/// Beyond any video's length; sums of such ticks do not overflow.
constexpr std::int64_t kLastTick = std::int64_t{1} << 60;

class RateSource final : public FrameSource {
 public:
  RateSource(std::unique_ptr<FrameSource> source, Rational rate)
      : source_(std::move(source)), info_(source_->info()) {
    if (info_.rate.positive() && info_.frames > 0) {
      info_.frames = static_cast<std::uint64_t>(
          static_cast<double>(info_.frames) * rate.value() / info_.rate.value() + 0.5);
    }
    source_base_ = info_.time_base;
    if (info_.rate != rate) info_.files.clear();
    info_.rate = rate;
    info_.time_base = {rate.denominator, rate.numerator};
    longest_ = std::max<std::int64_t>(1, kLongestRepeat * rate.numerator / rate.denominator);
  }

  const SourceInfo& info() const override { return info_; }
  void interrupt() override { source_->interrupt(); }
  std::uint64_t damaged() const override { return source_->damaged(); }
  std::uint64_t lost() const override { return source_->lost(); }
  Extras extras() const override { return source_->extras(); }

  std::optional<Frame> read() override { return info_.live ? drop_frames() : resample(); }

 private:
  /// The first tick at or after `pts`. In 128 bits, since the products of three numbers overflow
  /// 64.
  std::int64_t tick_of(std::int64_t pts) const {
    const __int128 tick = (numerator_of(pts) + denominator() - 1) / denominator();
    return static_cast<std::int64_t>(std::clamp<__int128>(tick, -kLastTick, kLastTick));
  }
  /// The last tick at or before `pts`, 0 or later.
  std::int64_t tick_at(std::int64_t pts) const {
    const __int128 tick = numerator_of(std::max<std::int64_t>(pts, 0)) / denominator();
    return static_cast<std::int64_t>(std::min<__int128>(tick, kLastTick));
  }
  /// Of `pts` in ticks.
  __int128 numerator_of(std::int64_t pts) const {
    return static_cast<__int128>(pts) * source_base_.numerator * info_.rate.numerator;
  }
  __int128 denominator() const {
    return static_cast<__int128>(source_base_.denominator) * info_.rate.denominator;
  }

  /// Live: returns the first frame of every tick and drops the others.
  std::optional<Frame> drop_frames() {
    while (auto frame = source_->read()) {
      const std::int64_t tick = tick_of(frame->pts);
      if (tick < tick_) continue;
      tick_ = tick;
      return at_tick(std::move(*frame));
    }
    return std::nullopt;
  }

  /// Files: returns for every tick the newest frame at that time, repeated or skipped as needed.
  /// No frame is repeated through a long gap: the next one keeps its time.
  std::optional<Frame> resample() {
    if (!current_) {
      current_ = take();
      if (!current_) return ended();
      next_ = take();
      tick_ = tick_at(current_->pts);  // nothing is shown before it
    }
    if (next_ && shown_ && is_long(tick_of(next_->pts))) tick_ = tick_of(next_->pts);
    while (next_ && tick_of(next_->pts) <= tick_) {
      current_ = std::move(next_);
      shown_ = false;
      next_ = take();
    }
    if (!next_ && tick_ >= end_tick()) return ended();
    return at_tick(*current_);
  }

  /// The source's next frame; an error waits until the frames before it are shown.
  std::optional<Frame> take() {
    try {
      return source_->read();
    } catch (const Error& error) {
      ending_ = error;
      return std::nullopt;
    }
  }

  std::optional<Frame> ended() {
    if (ending_) throw Error(*std::exchange(ending_, std::nullopt));
    return std::nullopt;
  }

  /// The first tick after the last frame has ended.
  std::int64_t end_tick() {
    const std::int64_t next = tick_of(current_->pts) + 1;
    if (current_->duration <= 0 || frames_ == 0) return next;
    const std::int64_t end = tick_of(current_->pts + current_->duration);
    return is_long(end) ? next : end;
  }

  /// Whether the present frame would have to be shown for too long to last until `end`. Says so
  /// once.
  bool is_long(std::int64_t end) {
    const std::int64_t ticks = end - tick_of(current_->pts);
    if (ticks <= longest_) return false;
    if (!std::exchange(said_, true)) {
      base::warn(info_.name, ": frame ", current_->number, " would be shown for ",
                 static_cast<double>(ticks) / info_.rate.value(), " s; a frame is repeated for ",
                 kLongestRepeat, " s at most, so longer gaps stay empty");
    }
    return true;
  }

  Frame at_tick(Frame frame) {
    shown_ = true;
    frame.number = ++frames_;
    frame.pts = tick_++;
    frame.duration = 1;
    return frame;
  }

  std::unique_ptr<FrameSource> source_;
  SourceInfo info_;
  Rational source_base_;
  std::optional<Frame> current_, next_;
  std::optional<Error> ending_;
  /// Whether the present frame was returned, and whether a long gap was told.
  bool shown_ = false, said_ = false;
  /// The most ticks between two frames that are filled by repeating the first.
  std::int64_t longest_ = 0;
  std::int64_t tick_ = 0;
  std::uint64_t frames_ = 0;
};

}  // namespace

std::unique_ptr<FrameSource> at_rate(std::unique_ptr<FrameSource> source, Rational rate) {
  base::require(rate.positive(), ErrorCode::invalid_argument, "a rate of ", rate.numerator, "/",
                rate.denominator, " frames a second, expected more than 0");
  return std::make_unique<RateSource>(std::move(source), rate);
}

}  // namespace streamdiffusion::media
