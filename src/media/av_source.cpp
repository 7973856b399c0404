// Demuxes and decodes through libavformat and libavcodec. A frame is decoded in read(), but
// converted to RGB only when its image() is called, so that a dropped frame costs no conversion.
#include "media/av_source.h"

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <new>
#include <optional>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "media/damage.h"
#include "media/decoder_traits.h"
#include "media/frame_times.h"
#include "media/input_io.h"
#include "media/input_policy.h"
#include "media/pixels.h"
#include "media/read_errors.h"
#include "media/read_extras.h"
#include "media/still_metadata.h"
#include "media/tone_map.h"
#include "media/track_queue.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

/// How long to wait before a device without a frame is read again.
constexpr auto kRetryInterval = std::chrono::milliseconds(2);
/// Decoder threads for files. Live sources use one: each further thread delays a frame.
constexpr int kFileThreads = 2;
/// Errors of the demuxer in a row after which nothing good is expected any more.
constexpr int kMaxReadErrors = 100;

class AvSource final : public FrameSource {
 public:
  AvSource(const AvInputSpec& spec, const SourceOptions& options)
      : spec_(spec),
        interrupt_(options.stop),
        timeout_(spec.no_timeout ? 0 : options.timeout),
        extra_protocols_(options.protocols),
        damage_(spec.name, options.strict),
        stills_(spec.name) {
    prepare_av();
    open_input();
    info_.live = is_live();
    open_decoder();
    fill_info();
    open_tracks();
    packet_.reset(av_packet_alloc());
    if (!packet_) throw std::bad_alloc();
  }

  const SourceInfo& info() const override { return info_; }
  Extras extras() const override { return tracks_.extras; }
  void interrupt() override { interrupt_.stop(); }
  std::uint64_t damaged() const override { return damage_.damaged(); }
  std::uint64_t lost() const override { return damage_.lost(); }

  std::optional<Frame> read() override {
    while (!interrupt_.stopped()) {
      AvFrame frame(av_frame_alloc());
      if (!frame) throw std::bad_alloc();
      const int status = avcodec_receive_frame(decoder_.get(), frame.get());
      if (status == 0) {
        forget_unknown_colors(*frame);
        return make_frame(std::move(frame));
      }
      if (status == AVERROR_EOF) {
        say_why_it_ended();
        return std::nullopt;
      }
      if (status != AVERROR(EAGAIN)) {
        on_decode_error(status);
      } else if (!send_packet()) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

 private:
  void open_input();
  void open_decoder();
  void open_tracks();
  void fill_info();
  void start_timeout() {
    input_log_.clear();
    interrupt_.set_timeout(timeout_);
  }
  bool is_live() const;
  int read_packet();
  bool send_packet();
  template <typename... Parts>
  bool end_reading(ErrorCode code, const Parts&... parts);
  void decode(const AVPacket* packet);
  void say_why_it_ended() const;
  void finish_tracks();
  void check_end();
  void on_decode_error(int status);
  Frame make_frame(AvFrame frame);
  [[noreturn]] void cannot_open(int status) const;
  void require_allowed() const;
  [[noreturn]] void no_frames() const;

  AvInputSpec spec_;
  AvInterrupt interrupt_;
  double timeout_;
  std::string extra_protocols_;
  AvLog input_log_, decoder_log_;
  InputIo io_{interrupt_};
  AvInput input_;
  AVStream* stream_ = nullptr;
  AvCodec decoder_;
  AvPacket packet_;
  std::shared_ptr<FrameToImage> frame_to_image_;
  InputTracks tracks_;
  SourceInfo info_;
  Damage damage_;
  std::uint64_t frames_ = 0;
  int read_errors_ = 0;
  /// Each packet is a file of its own.
  bool is_image_ = false;
  StillPackets stills_;
  std::optional<FrameTimes> times_;
  std::int64_t packet_end_ = -1;
  /// Why reading ended before the input's end.
  std::optional<Error> ending_;
};

/// A refusal is told in words of its own; FFmpeg's would be the whole list of what is allowed.
void AvSource::require_allowed() const {
  io_.require_allowed(spec_.name);
  base::require(!input_log_.format_refused(), ErrorCode::unsupported,
                refused_format(spec_.name, input_log_.format()));
  const std::string protocol = input_log_.refused_protocol();
  base::require(protocol.empty(), ErrorCode::unsupported, refused_protocol(spec_.name, protocol));
}

void AvSource::no_frames() const {
  require_allowed();
  fail_without_frames(spec_.name, damage_.last_words(), decoder_->codec_id);
}

void AvSource::cannot_open(int status) const {
  require_allowed();
  if (interrupt_.stopped()) base::fail(ErrorCode::io, spec_.name, ": stopped while opening");
  base::require(!interrupt_.timed_out(), ErrorCode::io, spec_.name, ": no data within ", timeout_,
                " s");
  base::require(!io_.is_empty(), ErrorCode::corrupt_file, spec_.name,
                ": is empty, expected a video or an image; --input names another source");
  base::require(!io_.is_heic(), ErrorCode::unsupported, spec_.name,
                ": a HEIC image, which this libav does not read; convert it to JPEG or AVIF");
  base::fail(error_code_of(status), spec_.name, ": cannot be ",
             spec_.format == "yuv4mpegpipe" ? "read as y4m" : "opened", ": libav says ",
             input_log_.error_message(status), what_it_means(input_log_.last_line()));
}

void AvSource::open_input() {
  AVFormatContext* context = avformat_alloc_context();
  if (context == nullptr) throw std::bad_alloc();
  context->opaque = &input_log_;
  context->interrupt_callback = interrupt_.callback();
  if (spec_.nonblocking) context->flags |= AVFMT_FLAG_NONBLOCK;
  AvOptions settings;
  for (const auto& [key, value] : spec_.settings) settings.set(key.c_str(), value);
  const std::string protocols =
      spec_.protocols + (extra_protocols_.empty() ? "" : "," + extra_protocols_);
  if (!spec_.protocols.empty()) {
    settings.set("protocol_whitelist", protocols);
    if (spec_.format.empty())
      settings.set("format_whitelist", allowed_formats(spec_.name, spec_.web));
  }
  const AVInputFormat* format =
      spec_.format.empty() ? nullptr : av_find_input_format(spec_.format.c_str());
  start_timeout();
  const AvLog::Scope scope(input_log_);
  input_.reset(context);
  if (const int status = io_.prepare(spec_, protocols, *context, settings); status < 0) {
    cannot_open(status);
  }
  start_timeout();
  input_.release();  // NOLINT: avformat_open_input() frees it where it fails
  const int status = avformat_open_input(&context, spec_.url.c_str(), format, settings.get());
  if (status < 0) cannot_open(status);
  input_.reset(context);
  io_.say_what_is_not_obeyed(spec_.name, *context->iformat);
  start_timeout();
  const int info_status = avformat_find_stream_info(input_.get(), nullptr);
  const bool given_up = interrupt_.stopped() || interrupt_.timed_out() || !io_.refusal().empty();
  if (info_status < 0 || given_up) cannot_open(info_status);
}

/// An address may name a file on a server as well as a broadcast. The file has a length.
bool AvSource::is_live() const {
  if (!spec_.web) return spec_.live;
  const bool has_duration = input_->duration != AV_NOPTS_VALUE && input_->duration > 0;
  return !has_duration && (input_->pb == nullptr || avio_size(input_->pb) <= 0);
}

void AvSource::open_decoder() {
  const AVCodec* codec = nullptr;
  const int index = av_find_best_stream(input_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
  if (index == AVERROR_STREAM_NOT_FOUND && interrupt_.timed_out()) cannot_open(index);
  require_allowed();
  base::require(index != AVERROR_STREAM_NOT_FOUND, ErrorCode::unsupported, spec_.name,
                ": has no images");
  base::require(index >= 0, ErrorCode::unsupported, spec_.name,
                ": this libav has no decoder for its images");
  stream_ = input_->streams[index];
  if (const AVCodec* other = alpha_decoder(*stream_)) codec = other;
  decoder_.reset(avcodec_alloc_context3(codec));
  if (!decoder_ || avcodec_parameters_to_context(decoder_.get(), stream_->codecpar) < 0) {
    throw std::bad_alloc();
  }
  decoder_->opaque = &decoder_log_;
  decoder_->pkt_timebase = stream_->time_base;
  decoder_->thread_count = info_.live || damage_.is_strict() ? 1 : kFileThreads;
  if (info_.live) decoder_->flags |= AV_CODEC_FLAG_LOW_DELAY;
  const int status = avcodec_open2(decoder_.get(), codec, nullptr);
  base::require(status >= 0, error_code_of(status), spec_.name, ": the decoder says ",
                decoder_log_.error_message(status));
  damage_.follow(*decoder_);
}

void AvSource::fill_info() {
  Display display;
  const std::uint8_t* matrix = av_stream_get_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (matrix != nullptr) {
    display.orientation = orientation_of(reinterpret_cast<const std::int32_t*>(matrix));
  }
  const AVRational aspect = av_guess_sample_aspect_ratio(input_.get(), stream_, nullptr);
  if (aspect.num > 0 && aspect.den > 0) display.aspect = aspect;
  if (display.orientation == 1) display.orientation = io_.still().orientation;
  display.profile = profile_of(*stream_, io_.still());
  frame_to_image_ = std::make_shared<FrameToImage>(display, spec_.name);
  info_.name = spec_.name;
  std::tie(info_.width, info_.height) =
      frame_to_image_->size(stream_->codecpar->width, stream_->codecpar->height);
  info_.time_base = rational_of(stream_->time_base);
  const AVRational rate = av_guess_frame_rate(input_.get(), stream_, nullptr);
  if (rate.num > 0 && rate.den > 0) info_.rate = rational_of(rate);
  const std::string_view format = input_->iformat->name;
  is_image_ = format.ends_with("_pipe") || format == "image2";
  if (is_image_ && !spec_.file.empty()) info_.files = {spec_.file};
  if (info_.live) return;
  const bool has_length = input_->duration != AV_NOPTS_VALUE && input_->duration > 0;
  if (stream_->nb_frames > 0) {
    info_.frames = static_cast<std::uint64_t>(stream_->nb_frames);
  } else if (has_length && info_.rate.positive()) {
    info_.frames = static_cast<std::uint64_t>(
        static_cast<double>(input_->duration) / AV_TIME_BASE * info_.rate.value() + 0.5);
  }
}

void AvSource::open_tracks() {
  times_.emplace(stream_->time_base, info_.rate);
  const bool known = input_->start_time != AV_NOPTS_VALUE;
  const AVRational base = stream_->time_base;
  const std::int64_t start = known ? av_rescale_q(input_->start_time, AV_TIME_BASE_Q, base) : 0;
  if (known) times_->start_at(std::max<std::int64_t>(0, start));
  tracks_ = read_extras(*input_, *stream_, std::max<std::int64_t>(0, start), io_.chapter_tracks());
}

/// Reads the next packet; polls a device that has none yet. Returns a libav status.
int AvSource::read_packet() {
  start_timeout();
  while (true) {
    const int status = av_read_frame(input_.get(), packet_.get());
    // A transfer without a length ends when the server closes the connection.
    const bool endless = spec_.web && input_->pb != nullptr && avio_size(input_->pb) <= 0;
    if (status == AVERROR(EIO) && endless) {
      input_log_.clear();  // it calls that an error
      return AVERROR_EOF;
    }
    if (status != AVERROR(EAGAIN)) return status;
    if (interrupt_.stopped() || interrupt_.timed_out()) return AVERROR_EXIT;
    std::this_thread::sleep_for(kRetryInterval);
  }
}

/// Nothing more is read. The error is told once the decoder has given its last frame. Returns true.
template <typename... Parts>
bool AvSource::end_reading(ErrorCode code, const Parts&... parts) {
  ending_.emplace(code, base::concat(parts...));
  finish_tracks();
  decode(nullptr);
  return true;
}

/// Null for the end; with threads it is then that the decoder tells of the last packet.
void AvSource::decode(const AVPacket* packet) {
  if (const int sent = avcodec_send_packet(decoder_.get(), packet); sent < 0) on_decode_error(sent);
}

void AvSource::finish_tracks() {
  for (const auto& [index, track] : tracks_.by_stream) track->queue().finish();
}

/// Throws, unless all is well. The message names the first frame that is missing, or the one that
/// came in part.
void AvSource::say_why_it_ended() const {
  if (!ending_ && frames_ == 0) no_frames();
  if (!ending_) return;
  const std::uint64_t frame = damage_.last_damaged_frame().value_or(frames_ + 1);
  base::fail(ending_->code(), "frame ", frame, " of ", info_.name, ": ", ending_->what());
}

/// Reads one packet and sends it to the decoder, or to its track; false when stopped.
bool AvSource::send_packet() {
  const AvLog::Scope scope(input_log_);
  const int status = read_packet();
  if (interrupt_.stopped()) return false;
  if (status == AVERROR_EOF) {
    check_end();
    return true;
  }
  if (!io_.refusal().empty()) return end_reading(ErrorCode::unsupported, io_.refusal());
  if (interrupt_.timed_out()) return end_reading(ErrorCode::io, "no data for ", timeout_, " s");
  if (status == AVERROR_INVALIDDATA) {
    const std::string why = why_reading_stops(*input_, packet_end_);
    if (!why.empty()) return end_reading(ErrorCode::corrupt_file, why);
    const int errors = ++read_errors_;  // in a row: libav says the same of each packet it misses
    if (errors == 1) damage_.note("libav says " + input_log_.error_message(status));
    if (errors <= kMaxReadErrors) return true;
  }
  if (status < 0) {
    return end_reading(error_code_of(status), "reading stopped: libav says ",
                       input_log_.error_message(status));
  }
  read_errors_ = 0;
  const std::unique_ptr<AVPacket, decltype(&av_packet_unref)> unref(packet_.get(), av_packet_unref);
  if (packet_->stream_index != stream_->index) {
    const auto track = tracks_.by_stream.find(packet_->stream_index);
    if (track != tracks_.by_stream.end()) track->second->queue().push(*packet_);
    return true;
  }
  if (packet_->pos >= 0) packet_end_ = packet_->pos + packet_->size;
  if (is_image_) stills_.add(*packet_, *decoder_);
  damage_.on_packet(*packet_);
  decoder_log_.clear();
  decode(packet_.get());
  return true;
}

void AvSource::check_end() {
  const std::string why = info_.live ? std::string()
                                     : why_it_ends_early(*input_, input_log_.last_line(),
                                                         damage_.last_damaged_bytes(), packet_end_);
  if (!why.empty()) {
    end_reading(ErrorCode::corrupt_file, why);
    return;
  }
  finish_tracks();
  decode(nullptr);
}

/// The packet is lost; the ones that follow may be whole.
void AvSource::on_decode_error(int status) {
  if (!damage_.on_refused_packet(decoder_log_.error_message(status))) no_frames();
}

Frame AvSource::make_frame(AvFrame decoded) {
  const bool marked = marks_damage(decoder_->codec_id);
  damage_.on_frame(*decoded, marked ? std::string() : decoder_log_.last_line());
  decoder_log_.clear();
  const std::string colors = ++frames_ == 1 ? color_conversion(*decoded) : std::string();
  if (!colors.empty()) {
    base::log(base::LogLevel::notice,
              base::concat(info_.name, ": its ", colors, " colors are brought to SDR, BT.709"));
  }
  Frame frame;
  frame.number = frames_;
  frame.pts = times_->next(*decoded);
  frame.duration = std::clamp<std::int64_t>(decoded->pkt_duration, 0, FrameTimes::kLast);
  const std::shared_ptr<AVFrame> shared(std::move(decoded));
  frame.image = [shared, still = stills_.take(*shared), convert = frame_to_image_, number = frames_,
                 name = info_.name] {
    try {
      return (*convert)(*shared, still.get());
    } catch (const Error& error) {
      base::fail(error.code(), "frame ", number, " of ", name, ": ", error);
    }
  };
  return frame;
}

}  // namespace

std::unique_ptr<FrameSource> open_av_source(const AvInputSpec& spec, const SourceOptions& options) {
  return std::make_unique<AvSource>(spec, options);
}

}  // namespace streamdiffusion::media
