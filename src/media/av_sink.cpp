// Encodes and muxes through libavcodec and libavformat; audio packets are copied, never decoded.
#include "media/av_sink.h"

#include <algorithm>
#include <limits>
#include <new>
#include <optional>

#include "base/error.h"
#include "media/audio_queue.h"
#include "media/av_encoder.h"
#include "media/descriptor_io.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

constexpr AVRational kGifTimeBase{1, 100};
/// In 1/100 s. Browsers play shorter delays much slower.
constexpr std::int64_t kMinGifDelay = 2;

class AvSink final : public FrameSink {
 public:
  AvSink(const AvOutputSpec& spec, const SinkOptions& options)
      : spec_(spec), options_(options), interrupt_(make_stop_flag()) {
    prepare_av();
    if (!options_.rate.positive()) options_.rate = {25, 1};
    open_muxer();
    add_video();
    add_audio();
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
    pts = std::max(pts, next_pts_);
    next_pts_ = pts + 1;
    if (drops_gif_frame(pts)) return;
    const std::int64_t default_duration =
        av_rescale_q(1, av_inv_q(av_rational(options_.rate)), base());
    end_pts_ = pts + (duration > 0 ? duration : std::max<std::int64_t>(default_duration, 1));
    write_audio(pts);
    encoder_->encode(image, pts, end_pts_ - pts, [this](AVPacket& packet) { mux_video(packet); });
  }

  void finish() override {
    encoder_->finish([this](AVPacket& packet) { mux_video(packet); });
    if (audio_ != nullptr) {
      // If the source was stopped, the sound ends with the images; otherwise it is written whole.
      const bool complete = options_.audio->queue().finished();
      write_audio(complete ? std::numeric_limits<std::int64_t>::max() : end_pts_);
    }
    start_timeout();
    check(av_write_trailer(muxer_.get()), "finishing");
    if ((muxer_->oformat->flags & AVFMT_NOFILE) != 0) return;
    if (pipe_) {
      avio_flush(muxer_->pb);
      return check(muxer_->pb->error, "finishing");
    }
    check(avio_closep(&muxer_->pb), "finishing");
  }

  void interrupt() override { interrupt_.stop(); }
  std::string note() const override { return note_; }

 private:
  AVRational base() const { return av_rational(options_.time_base); }

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

  void add_audio() {
    if (!options_.audio) return;
    const AVCodecParameters& parameters = options_.audio->queue().parameters();
    if (avformat_query_codec(muxer_->oformat, parameters.codec_id, FF_COMPLIANCE_NORMAL) != 1) {
      note_ = base::concat(spec_.name, ": the sound (", options_.audio->codec(),
                           ") cannot be copied into this kind of file and is left out");
      return;
    }
    audio_ = avformat_new_stream(muxer_.get(), nullptr);
    if (audio_ == nullptr || avcodec_parameters_copy(audio_->codecpar, &parameters) < 0) {
      throw std::bad_alloc();
    }
    audio_->codecpar->codec_tag = 0;
    audio_->time_base = options_.audio->queue().time_base();
    add_audio_filter();
    options_.audio->queue().enable();
  }

  /// AAC from broadcasts (ADTS) carries a header in each packet; MP4 stores one for all. The muxer
  /// inserts this filter by itself, but not with delay_moov, which the fragments need.
  void add_audio_filter() {
    const AVCodecParameters& parameters = *audio_->codecpar;
    const bool is_mp4 = spec_.muxer == "mp4" || spec_.muxer == "mov";
    if (!is_mp4 || parameters.codec_id != AV_CODEC_ID_AAC || parameters.extradata_size > 0) return;
    AVBSFContext* filter = nullptr;
    check(av_bsf_alloc(av_bsf_get_by_name("aac_adtstoasc"), &filter), "opening");
    audio_filter_.reset(filter);
    check(avcodec_parameters_copy(filter->par_in, &parameters), "opening");
    filter->time_base_in = audio_->time_base;
    check(av_bsf_init(filter), "opening");
  }

  void write_header() {
    start_timeout();
    AvOptions settings;
    for (const auto& [key, value] : spec_.settings) settings.set(key.c_str(), value);
    if (spec_.descriptor >= 0) {
      pipe_.emplace(spec_.descriptor, DescriptorIo::Direction::write, interrupt_);
      muxer_->pb = pipe_->context();
    } else if ((muxer_->oformat->flags & AVFMT_NOFILE) == 0) {
      const AVIOInterruptCB callback = interrupt_.callback();
      check(avio_open2(&muxer_->pb, spec_.url.c_str(), AVIO_FLAG_WRITE, &callback, settings.get()),
            "opening");
    }
    check(avformat_write_header(muxer_.get(), settings.get()), "opening");
  }

  /// True for a GIF frame that comes too soon after the last one to be shown.
  bool drops_gif_frame(std::int64_t pts) {
    if (spec_.muxer != "gif") return false;
    const std::int64_t time = av_rescale_q(pts, base(), kGifTimeBase);
    if (frames_ > 1 && time < last_gif_time_ + kMinGifDelay) return true;
    last_gif_time_ = time;
    return false;
  }

  void mux_video(AVPacket& packet) {
    packet.stream_index = video_->index;
    av_packet_rescale_ts(&packet, encoder_->context().time_base, video_->time_base);
    mux(packet);
  }

  void write_audio(std::int64_t until) {
    if (audio_ == nullptr) return;
    AudioTrack::Queue& queue = options_.audio->queue();
    while (const AvPacket packet = queue.pop(until, base())) {
      if (audio_filter_) {
        check(av_bsf_send_packet(audio_filter_.get(), packet.get()), "writing");
        check(av_bsf_receive_packet(audio_filter_.get(), packet.get()), "writing");
      }
      packet->stream_index = audio_->index;
      packet->pos = -1;
      av_packet_rescale_ts(packet.get(), queue.time_base(), audio_->time_base);
      mux(*packet);
    }
  }

  void mux(AVPacket& packet) {
    start_timeout();
    check(av_interleaved_write_frame(muxer_.get(), &packet), "writing");
    if (muxer_->pb != nullptr) check(muxer_->pb->error, "writing");
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
    base::fail(ErrorCode::io, spec_.name, ": ", action, at, ": libav says ",
               log_.error_message(status));
  }

  AvOutputSpec spec_;
  SinkOptions options_;
  AvInterrupt interrupt_;
  AvLog log_;
  std::optional<DescriptorIo> pipe_;
  AvOutput muxer_;
  std::optional<AvEncoder> encoder_;
  AVStream* video_ = nullptr;
  AVStream* audio_ = nullptr;
  AvBitstreamFilter audio_filter_;
  std::string note_;
  std::uint64_t frames_ = 0;
  std::int64_t next_pts_ = 0, end_pts_ = 0, last_gif_time_ = 0;
};

}  // namespace

std::unique_ptr<FrameSink> open_av_sink(const AvOutputSpec& spec, const SinkOptions& options) {
  return std::make_unique<AvSink>(spec, options);
}

}  // namespace streamdiffusion::media
