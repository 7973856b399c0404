// Encodes and muxes through libavcodec and libavformat; the other tracks are copied, never decoded.
#include "media/av_sink.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "base/join.h"
#include "base/log.h"
#include "media/av_encoder.h"
#include "media/descriptor_io.h"
#include "media/output_file.h"
#include "media/track_muxer.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

constexpr auto kFlushInterval = std::chrono::seconds(1);
/// Some packets of every stream; EAC-3 needs two.
constexpr double kSafeSeconds = 0.2;
constexpr AVRational kGifTimeBase{1, 100};
/// In 1/100 s. Browsers play shorter delays much slower.
constexpr std::int64_t kMinGifDelay = 2;

class AvSink final : public FrameSink {
 public:
  AvSink(const AvOutputSpec& spec, const SinkOptions& options)
      : spec_(spec), options_(options), interrupt_(make_stop_flag()) {
    prepare_av();
    if (spec_.timeless) count_by_rate();
    if (!options_.rate.positive()) options_.rate = kDefaultRate;
    open_muxer();
    add_video();
    add_tracks();
    open_output();
    write_header();
  }

  ~AvSink() override {
    if (muxer_ && (muxer_->oformat->flags & AVFMT_NOFILE) == 0 && !pipe_) {
      avio_closep(&muxer_->pb);
    }
  }

  void write(const Image& image, std::int64_t pts, std::int64_t duration) override {
    base::require(image.width == options_.width && image.height == options_.height,
                  ErrorCode::internal, spec_.name, ": the image is ", image.width, "x",
                  image.height, ", the video ", options_.width, "x", options_.height);
    ++frames_;
    if (spec_.timeless) {
      check_time(pts);
      pts = next_pts_;
      duration = 1;
    }
    pts = std::max(pts, next_pts_);
    next_pts_ = pts + 1;
    if (drops_gif_frame(pts)) return;
    const std::int64_t default_duration =
        av_rescale_q(1, av_inv_q(av_rational(options_.rate)), base());
    end_pts_ = pts + (duration > 0 ? duration : std::max<std::int64_t>(default_duration, 1));
    check(tracks_->write(end_pts_, base(), [this](AVPacket& packet) { return mux(packet); }),
          "writing");
    encoder_->encode(image, pts, end_pts_ - pts, [this](AVPacket& packet) { mux_video(packet); });
    if (file_) file_->keep();
    keep_playable();
  }

  void finish() override {
    finish_partly();
    if (file_) file_->commit();
    if (too_short_ > 0) {
      base::warn(spec_.name, ": ", too_short_,
                 " images would show for less than 20 ms, as GIF cannot, and are left out");
    }
  }

  void finish_partly() override {
    encoder_->finish([this](AVPacket& packet) { mux_video(packet); });
    check(tracks_->finish(end_pts_, base(), [this](AVPacket& packet) { return mux(packet); }),
          "finishing");
    start_timeout();
    check(av_write_trailer(muxer_.get()), "finishing");
    if ((muxer_->oformat->flags & AVFMT_NOFILE) != 0) return;
    if (pipe_) {
      avio_flush(muxer_->pb);
      return check(muxer_->pb->error, "finishing");
    }
    check(avio_closep(&muxer_->pb), "finishing");
  }

  std::string path() const override { return file_ ? file_->path() : spec_.name; }
  /// A file has no reader that could keep it waiting.
  void interrupt() override {
    if (!file_) interrupt_.stop();
  }
  std::string note() const override { return note_; }

 private:
  AVRational base() const { return av_rational(options_.time_base); }

  /// The unit of time becomes one frame: the formats without times write it as their rate.
  void count_by_rate() {
    input_base_ = options_.time_base;
    if (!options_.rate.positive()) {
      base::warn(spec_.name, ": the input does not say its frame rate; ", kDefaultRate.numerator,
                 " frames a second are written. --fps sets a rate");
      options_.rate = kDefaultRate;
    }
    options_.time_base = {options_.rate.denominator, options_.rate.numerator};
  }

  /// Says once that images do not come at the rate that is written.
  void check_time(std::int64_t pts) {
    if (warned_of_times_) return;
    const std::int64_t time = av_rescale_q(pts, av_rational(input_base_), base());
    if (frames_ == 1) first_time_ = time;
    if (std::abs(time - first_time_ - next_pts_) <= 1) return;
    warned_of_times_ = true;
    base::warn(spec_.name, ": its format has no times, only a rate (", options_.rate.numerator, "/",
               options_.rate.denominator, " frames a second), and from image ", frames_,
               " on the times differ from it. --fps makes the rate constant");
  }

  void open_muxer() {
    AVFormatContext* context = nullptr;
    const int status =
        avformat_alloc_output_context2(&context, nullptr, spec_.muxer.c_str(), spec_.url.c_str());
    base::require(status >= 0, ErrorCode::unsupported, spec_.name, ": this libav does not write ",
                  spec_.muxer);
    muxer_.reset(context);
    context->opaque = &log_;
    context->interrupt_callback = interrupt_.callback();
    context->flags |= AVFMT_FLAG_FLUSH_PACKETS;  // after a crash the file holds what was written
  }

  void add_video() {
    encoder_.emplace(
        AvEncoder::Options{.name = spec_.name,
                           .encoder = spec_.encoder,
                           .rgb = spec_.rgb,
                           .live = spec_.live,
                           .global_header = (muxer_->oformat->flags & AVFMT_GLOBALHEADER) != 0},
        options_);
    video_ = avformat_new_stream(muxer_.get(), nullptr);
    if (video_ == nullptr ||
        avcodec_parameters_from_context(video_->codecpar, &encoder_->context()) < 0) {
      throw std::bad_alloc();
    }
    video_->time_base = encoder_->context().time_base;
    video_->avg_frame_rate = av_rational(options_.rate);
    video_->sample_aspect_ratio = {1, 1};
  }

  void add_tracks() {
    tracks_.emplace(*muxer_, options_.extras, options_.end);
    if (tracks_->left_out().empty()) return;
    note_ = base::concat(spec_.name, ": this kind of output does not hold everything; left out: ",
                         base::joined(tracks_->left_out()));
  }

  void open_output() {
    if (spec_.descriptor >= 0) {
      pipe_.emplace(spec_.descriptor, DescriptorIo::Direction::write, interrupt_,
                    spec_.close_descriptor);
      muxer_->pb = pipe_->context();
      return;
    }
    if ((muxer_->oformat->flags & AVFMT_NOFILE) != 0) return;
    if (!spec_.file.empty()) file_.emplace(spec_.file);
    const std::string url = file_ ? "file:" + file_->path() : spec_.url;
    const AVIOInterruptCB callback = interrupt_.callback();
    AvOptions settings;
    for (const auto& [key, value] : spec_.settings) settings.set(key.c_str(), value);
    start_timeout();
    const AvLog::Scope scope(log_);
    check(avio_open2(&muxer_->pb, url.c_str(), AVIO_FLAG_WRITE, &callback, settings.get()),
          "opening");
  }

  void write_header() {
    start_timeout();
    AvOptions settings;
    for (const auto& [key, value] : spec_.settings) settings.set(key.c_str(), value);
    check(avformat_write_header(muxer_.get(), settings.get()), "opening");
  }

  /// Once a second, by the clock, completes what a reader of the file needs: a program that is
  /// killed leaves a file that plays. What the muxer gets, it holds back until the other streams
  /// are there; its headers may need their first packets.
  void keep_playable() {
    const auto now = base::Clock::now();
    if (frames_ == 1) flushed_ = now;
    if (!file_ || !spec_.flushes || now - flushed_ < kFlushInterval) return;
    if (!first_video_) return;
    const double safe = std::max(*first_video_, 0.0) + kSafeSeconds;
    const bool alone = options_.extras.tracks.empty();
    if (!alone && (last_video_ < safe || !tracks_->has_sound_at(safe))) return;
    flushed_ = now;
    for (int i = 0; i < 2; ++i) {  // an MP4's first flush writes its header alone
      check(av_write_frame(muxer_.get(), nullptr), "writing");
    }
  }

  /// True for a GIF frame that comes too soon after the last one to be shown.
  bool drops_gif_frame(std::int64_t pts) {
    if (spec_.muxer != "gif") return false;
    const std::int64_t time = av_rescale_q(pts, base(), kGifTimeBase);
    if (frames_ > 1 && time < last_gif_time_ + kMinGifDelay) {
      ++too_short_;
      return true;
    }
    last_gif_time_ = time;
    return false;
  }

  void mux_video(AVPacket& packet) {
    packet.stream_index = video_->index;
    av_packet_rescale_ts(&packet, encoder_->context().time_base, video_->time_base);
    last_video_ = static_cast<double>(packet.dts) * av_q2d(video_->time_base);
    if (!first_video_) first_video_ = last_video_;
    check(mux(packet), "writing");
  }

  int mux(AVPacket& packet) {
    start_timeout();
    const int status = av_interleaved_write_frame(muxer_.get(), &packet);
    return status >= 0 && muxer_->pb != nullptr ? muxer_->pb->error : status;
  }

  void start_timeout() {
    log_.clear();
    if (spec_.live && spec_.descriptor < 0) interrupt_.set_timeout(options_.timeout);
  }

  void check(int status, const char* action) const {
    if (status >= 0) return;
    const std::string at = frames_ > 0 ? base::concat(" frame ", frames_) : std::string();
    if (status == AVERROR(EPIPE)) {
      base::fail(ErrorCode::io, spec_.name, ": ", action, at, ": the reader is gone");
    }
    if (interrupt_.timed_out()) {
      base::fail(ErrorCode::io, spec_.name, ": ", action, at, ": no answer for ", options_.timeout,
                 " s");
    }
    if (status == AVERROR_EXIT) {
      base::fail(ErrorCode::io, spec_.name, ": ", action, at,
                 ": stopped, since nobody reads what is written");
    }
    base::fail(ErrorCode::io, spec_.name, ": ", action, at, ": libav says ",
               log_.error_message(status));
  }

  AvOutputSpec spec_;
  SinkOptions options_;
  AvInterrupt interrupt_;
  AvLog log_;
  std::optional<DescriptorIo> pipe_;
  std::optional<OutputFile> file_;
  AvOutput muxer_;
  std::optional<AvEncoder> encoder_;
  AVStream* video_ = nullptr;
  std::optional<TrackMuxer> tracks_;
  std::string note_;
  std::uint64_t frames_ = 0;
  std::int64_t next_pts_ = 0, end_pts_ = 0, last_gif_time_ = 0;
  /// Images that a GIF cannot show.
  std::uint64_t too_short_ = 0;
  /// Where the format has no times: the unit of those that come, and the first.
  Rational input_base_;
  std::int64_t first_time_ = 0;
  bool warned_of_times_ = false;
  /// In seconds: decoding times of the first packet of images and of the last.
  std::optional<double> first_video_;
  double last_video_ = 0;
  base::Clock::time_point flushed_;
};

}  // namespace

std::unique_ptr<FrameSink> open_av_sink(const AvOutputSpec& spec, const SinkOptions& options) {
  return std::make_unique<AvSink>(spec, options);
}

}  // namespace streamdiffusion::media
