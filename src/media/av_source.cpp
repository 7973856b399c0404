// Demuxes and decodes through libavformat and libavcodec. A frame is decoded in read(), but
// converted to RGB only when its image() is called, so that a dropped frame costs no conversion.
#include "media/av_source.h"

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <new>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "media/audio_queue.h"
#include "media/descriptor_io.h"
#include "media/pixels.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

/// How long to wait before a device without a frame is read again.
constexpr auto kRetryInterval = std::chrono::milliseconds(2);
/// Decoder threads for files. Live sources use one: each further thread delays a frame.
constexpr int kFileThreads = 2;
/// Undecodable packets that are skipped before the first frame: a stream may be joined anywhere.
constexpr int kMaxSkippedPackets = 500;

ErrorCode error_code_of(int status) {
  switch (status) {
    case AVERROR(ENOENT):
    case AVERROR(ENODEV):
    case AVERROR(ENXIO):
      return ErrorCode::not_found;
    case AVERROR_INVALIDDATA:
    case AVERROR_EOF:
      return ErrorCode::corrupt_file;
    case AVERROR_DECODER_NOT_FOUND:
    case AVERROR_DEMUXER_NOT_FOUND:
    case AVERROR_PROTOCOL_NOT_FOUND:
    case AVERROR_PATCHWELCOME:
      return ErrorCode::unsupported;
    default:
      return ErrorCode::io;
  }
}

class AvSource final : public FrameSource {
 public:
  AvSource(const AvInputSpec& spec, const SourceOptions& options)
      : spec_(spec), interrupt_(options.stop), timeout_(spec.no_timeout ? 0 : options.timeout) {
    prepare_av();
    open_input();
    open_decoder();
    fill_info();
    open_audio();
    packet_.reset(av_packet_alloc());
    if (!packet_) throw std::bad_alloc();
  }

  const SourceInfo& info() const override { return info_; }
  std::shared_ptr<AudioTrack> audio() override { return audio_; }
  void interrupt() override { interrupt_.stop(); }

  std::optional<Frame> read() override {
    while (!interrupt_.stopped()) {
      AvFrame frame(av_frame_alloc());
      if (!frame) throw std::bad_alloc();
      const int status = avcodec_receive_frame(decoder_.get(), frame.get());
      if (status == 0) return make_frame(std::move(frame));
      if (status == AVERROR_EOF) return std::nullopt;
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
  void open_audio();
  void fill_info();
  void start_timeout() {
    input_log_.clear();
    interrupt_.set_timeout(timeout_);
  }
  int read_packet();
  bool send_packet();
  void check_end();
  void on_decode_error(int status);
  Frame make_frame(AvFrame frame);
  std::int64_t next_pts_for(const AVFrame& frame);
  std::string next_frame() const { return base::concat("frame ", frames_ + 1, " of ", info_.name); }
  [[noreturn]] void cannot_open(int status) const;

  AvInputSpec spec_;
  AvInterrupt interrupt_;
  double timeout_;
  AvLog input_log_, decoder_log_;
  std::unique_ptr<DescriptorIo> pipe_;
  AvInput input_;
  AVStream* stream_ = nullptr;
  AvCodec decoder_;
  AvPacket packet_;
  std::shared_ptr<FrameToImage> frame_to_image_;
  std::shared_ptr<AudioTrack> audio_;
  int audio_stream_ = -1;
  SourceInfo info_;
  std::uint64_t frames_ = 0;
  int skipped_packets_ = 0;
  bool warned_ = false;
  std::int64_t start_ = AV_NOPTS_VALUE, next_pts_ = 0, packet_end_ = -1;
};

void AvSource::cannot_open(int status) const {
  if (interrupt_.stopped()) base::fail(ErrorCode::io, spec_.name, ": stopped while opening");
  if (interrupt_.timed_out()) {
    base::fail(ErrorCode::io, spec_.name, ": no data within ", timeout_, " s");
  }
  base::fail(error_code_of(status), spec_.name, ": cannot be opened: libav says ",
             input_log_.error_message(status));
}

void AvSource::open_input() {
  AVFormatContext* context = avformat_alloc_context();
  if (context == nullptr) throw std::bad_alloc();
  context->opaque = &input_log_;
  context->interrupt_callback = interrupt_.callback();
  if (spec_.nonblocking) context->flags |= AVFMT_FLAG_NONBLOCK;
  if (spec_.live) context->flags |= AVFMT_FLAG_NOBUFFER;
  if (spec_.descriptor >= 0) {
    pipe_ = std::make_unique<DescriptorIo>(spec_.descriptor, DescriptorIo::Direction::read,
                                           interrupt_, spec_.close_descriptor);
    context->pb = pipe_->context();
  }
  AvOptions settings;
  for (const auto& [key, value] : spec_.settings) settings.set(key.c_str(), value);
  const AVInputFormat* format =
      spec_.format.empty() ? nullptr : av_find_input_format(spec_.format.c_str());
  start_timeout();
  const int status = avformat_open_input(&context, spec_.url.c_str(), format, settings.get());
  if (status < 0) cannot_open(status);  // the context is already freed
  input_.reset(context);
  start_timeout();
  const int info_status = avformat_find_stream_info(input_.get(), nullptr);
  if (info_status < 0 || interrupt_.stopped()) cannot_open(info_status);
}

void AvSource::open_decoder() {
  const AVCodec* codec = nullptr;
  const int index = av_find_best_stream(input_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
  if (index == AVERROR_STREAM_NOT_FOUND && interrupt_.timed_out()) cannot_open(index);
  base::require(index != AVERROR_STREAM_NOT_FOUND, ErrorCode::unsupported, spec_.name,
                ": has no images");
  base::require(index >= 0, ErrorCode::unsupported, spec_.name,
                ": this libav has no decoder for its images");
  stream_ = input_->streams[index];
  decoder_.reset(avcodec_alloc_context3(codec));
  if (!decoder_ || avcodec_parameters_to_context(decoder_.get(), stream_->codecpar) < 0) {
    throw std::bad_alloc();
  }
  decoder_->opaque = &decoder_log_;
  decoder_->pkt_timebase = stream_->time_base;
  decoder_->thread_count = spec_.live ? 1 : kFileThreads;
  if (spec_.live) decoder_->flags |= AV_CODEC_FLAG_LOW_DELAY;
  const int status = avcodec_open2(decoder_.get(), codec, nullptr);
  base::require(status >= 0, error_code_of(status), spec_.name, ": the decoder says ",
                decoder_log_.error_message(status));
}

void AvSource::fill_info() {
  Display display;
  const std::uint8_t* matrix = av_stream_get_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (matrix != nullptr) {
    display.orientation = orientation_of(reinterpret_cast<const std::int32_t*>(matrix));
  }
  const AVRational aspect = av_guess_sample_aspect_ratio(input_.get(), stream_, nullptr);
  if (aspect.num > 0 && aspect.den > 0) display.aspect = aspect;
  frame_to_image_ = std::make_shared<FrameToImage>(display);
  info_.name = spec_.name;
  std::tie(info_.width, info_.height) =
      frame_to_image_->size(stream_->codecpar->width, stream_->codecpar->height);
  info_.time_base = rational_of(stream_->time_base);
  const AVRational rate = av_guess_frame_rate(input_.get(), stream_, nullptr);
  if (rate.num > 0 && rate.den > 0) info_.rate = rational_of(rate);
  // A URL may name a file on a server as well as a broadcast. The file has a length.
  const bool has_length = input_->duration != AV_NOPTS_VALUE && input_->duration > 0;
  info_.live = spec_.live && !(has_length && spec_.url.rfind("http", 0) == 0);
  if (info_.live) return;
  if (stream_->nb_frames > 0) {
    info_.frames = static_cast<std::uint64_t>(stream_->nb_frames);
  } else if (has_length && info_.rate.positive()) {
    info_.frames = static_cast<std::uint64_t>(
        static_cast<double>(input_->duration) / AV_TIME_BASE * info_.rate.value() + 0.5);
  }
}

void AvSource::open_audio() {
  if (input_->start_time != AV_NOPTS_VALUE) {
    start_ = std::max<std::int64_t>(
        0, av_rescale_q(input_->start_time, AV_TIME_BASE_Q, stream_->time_base));
  }
  const int index =
      av_find_best_stream(input_.get(), AVMEDIA_TYPE_AUDIO, -1, stream_->index, nullptr, 0);
  for (unsigned i = 0; i < input_->nb_streams; ++i) {
    const bool used = static_cast<int>(i) == index || static_cast<int>(i) == stream_->index;
    if (!used) input_->streams[i]->discard = AVDISCARD_ALL;
  }
  if (index < 0 || start_ == AV_NOPTS_VALUE) return;
  const AVStream& audio_stream = *input_->streams[index];
  const std::int64_t start = av_rescale_q(start_, stream_->time_base, audio_stream.time_base);
  audio_ = std::make_shared<AudioTrack>(std::make_unique<AudioTrack::Queue>(audio_stream, start));
  audio_stream_ = index;
}

/// Reads the next packet; polls a device that has none yet. Returns a libav status.
int AvSource::read_packet() {
  start_timeout();
  while (true) {
    const int status = av_read_frame(input_.get(), packet_.get());
    if (status != AVERROR(EAGAIN)) return status;
    if (interrupt_.stopped() || interrupt_.timed_out()) return AVERROR_EXIT;
    std::this_thread::sleep_for(kRetryInterval);
  }
}

/// Reads one packet and sends it to the decoder, or to the audio queue; false when stopped.
bool AvSource::send_packet() {
  const int status = read_packet();
  if (interrupt_.stopped()) return false;
  if (status == AVERROR_EOF) {
    check_end();
    avcodec_send_packet(decoder_.get(), nullptr);
    return true;
  }
  base::require(!interrupt_.timed_out(), ErrorCode::io, next_frame(), ": no data for ", timeout_,
                " s");
  base::require(status >= 0, error_code_of(status), next_frame(), ": reading stopped: libav says ",
                input_log_.error_message(status));
  const std::unique_ptr<AVPacket, decltype(&av_packet_unref)> unref(packet_.get(), av_packet_unref);
  if (packet_->stream_index == audio_stream_) audio_->queue().push(*packet_);
  if (packet_->stream_index != stream_->index) return true;
  if (packet_->pos >= 0) packet_end_ = packet_->pos + packet_->size;
  if ((packet_->flags & AV_PKT_FLAG_CORRUPT) != 0 && !info_.live) {
    base::fail(ErrorCode::corrupt_file, next_frame(), ": ends early, after ", packet_->size,
               " bytes");
  }
  decoder_log_.clear();
  const int sent = avcodec_send_packet(decoder_.get(), packet_.get());
  if (sent < 0) on_decode_error(sent);
  return true;
}

/// A truncated file ends like a complete one. What tells them apart is an error line of the
/// demuxer, and for y4m, whose demuxer writes none, bytes behind the last whole frame.
void AvSource::check_end() {
  if (audio_) audio_->queue().finish();
  if (info_.live) return;
  const std::string last_error = input_log_.last_line();
  base::require(last_error.empty(), ErrorCode::corrupt_file, info_.name,
                ": ends early: libav says \"", last_error, "\"");
  const bool y4m = std::string_view(input_->iformat->name) == "yuv4mpegpipe";
  const std::int64_t read = input_->pb != nullptr ? avio_tell(input_->pb) : 0;
  const std::int64_t remaining = read - packet_end_;
  base::require(!y4m || remaining <= 0 || packet_end_ < 0, ErrorCode::corrupt_file, info_.name,
                ": ends inside a frame, ", remaining, " bytes after the last whole one");
}

void AvSource::on_decode_error(int status) {
  if (frames_ == 0 && ++skipped_packets_ <= kMaxSkippedPackets) return;
  if (info_.live) {
    if (!warned_) {
      base::warn(next_frame(), ": decoder says ", decoder_log_.error_message(status),
                 "; such frames are skipped");
    }
    warned_ = true;
    return;
  }
  base::fail(ErrorCode::corrupt_file, next_frame(), ": decoder says ",
             decoder_log_.error_message(status));
}

/// The frame's time from the start of the source, always later than the previous one.
std::int64_t AvSource::next_pts_for(const AVFrame& frame) {
  std::int64_t pts = frame.best_effort_timestamp;
  if (start_ == AV_NOPTS_VALUE && pts != AV_NOPTS_VALUE) start_ = pts;
  pts = pts == AV_NOPTS_VALUE ? next_pts_ : std::max(pts - start_, next_pts_);
  return pts;
}

Frame AvSource::make_frame(AvFrame decoded) {
  Frame frame;
  frame.number = ++frames_;
  frame.pts = next_pts_for(*decoded);
  frame.duration = std::max<std::int64_t>(decoded->pkt_duration, 0);
  next_pts_ = frame.pts + 1;
  const std::shared_ptr<AVFrame> shared(std::move(decoded));
  frame.image = [shared, convert = frame_to_image_, number = frames_, name = info_.name] {
    try {
      return (*convert)(*shared);
    } catch (const Error& error) {
      base::fail(error.code(), "frame ", number, " of ", name, ": ", error.what());
    }
  };
  return frame;
}

}  // namespace

std::unique_ptr<FrameSource> open_av_source(const AvInputSpec& spec, const SourceOptions& options) {
  return std::make_unique<AvSource>(spec, options);
}

}  // namespace streamdiffusion::media
