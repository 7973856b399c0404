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

constexpr auto kAskAgain = std::chrono::milliseconds(2);
/// Frames are decoded on this many threads, where nobody waits for them.
constexpr int kFileThreads = 2;
/// Undecodable packets that are passed over before the first frame: a stream may be joined
/// anywhere.
constexpr int kMostPassedOver = 500;

ErrorCode code_of(int status) {
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
  AvSource(const AvTarget& target, const SourceOptions& options)
      : target_(target), interrupt_(options.stop), timeout_(target.patient ? 0 : options.timeout) {
    prepare_av();
    open_input();
    open_decoder();
    describe();
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
      if (status == 0) return take(std::move(frame));
      if (status == AVERROR_EOF) return std::nullopt;
      if (status != AVERROR(EAGAIN)) {
        undecodable(status);
      } else if (!feed()) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

 private:
  void open_input();
  void open_decoder();
  void open_audio();
  void describe();
  void start_waiting() {
    input_log_.clear();
    interrupt_.set_timeout(timeout_);
  }
  int read_packet();
  bool feed();
  void at_end();
  void undecodable(int status);
  Frame take(AvFrame frame);
  std::int64_t time_of(const AVFrame& frame);
  std::string next_frame() const { return base::concat("frame ", frames_ + 1, " of ", info_.name); }
  [[noreturn]] void cannot_open(int status) const;

  AvTarget target_;
  AvInterrupt interrupt_;
  double timeout_;
  AvLog input_log_, decoder_log_;
  std::unique_ptr<DescriptorIo> pipe_;
  AvInput input_;
  AVStream* stream_ = nullptr;
  AvCodec decoder_;
  AvPacket packet_;
  std::shared_ptr<ToImage> to_image_;
  std::shared_ptr<AudioTrack> audio_;
  int audio_stream_ = -1;
  SourceInfo info_;
  std::uint64_t frames_ = 0;
  int passed_over_ = 0;
  bool warned_ = false;
  std::int64_t start_ = AV_NOPTS_VALUE, next_pts_ = 0, packet_end_ = -1;
};

void AvSource::cannot_open(int status) const {
  if (interrupt_.stopped()) base::fail(ErrorCode::io, target_.name, ": stopped while opening");
  if (interrupt_.late()) {
    base::fail(ErrorCode::io, target_.name, ": nothing came within ", timeout_, " s");
  }
  base::fail(code_of(status), target_.name, ": cannot be opened: libav says ",
             input_log_.words(status));
}

void AvSource::open_input() {
  AVFormatContext* context = avformat_alloc_context();
  if (context == nullptr) throw std::bad_alloc();
  context->opaque = &input_log_;
  context->interrupt_callback = interrupt_.callback();
  if (target_.never_blocks) context->flags |= AVFMT_FLAG_NONBLOCK;
  if (target_.live) context->flags |= AVFMT_FLAG_NOBUFFER;
  if (target_.descriptor >= 0) {
    pipe_ = std::make_unique<DescriptorIo>(target_.descriptor, DescriptorIo::Direction::read,
                                           interrupt_, target_.close);
    context->pb = pipe_->context();
  }
  AvOptions settings;
  for (const auto& [key, value] : target_.settings) settings.set(key.c_str(), value);
  const AVInputFormat* format =
      target_.format.empty() ? nullptr : av_find_input_format(target_.format.c_str());
  start_waiting();
  const int status = avformat_open_input(&context, target_.address.c_str(), format, settings.get());
  if (status < 0) cannot_open(status);  // the context is already freed
  input_.reset(context);
  start_waiting();
  const int found = avformat_find_stream_info(input_.get(), nullptr);
  if (found < 0 || interrupt_.stopped()) cannot_open(found);
}

void AvSource::open_decoder() {
  const AVCodec* codec = nullptr;
  const int index = av_find_best_stream(input_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
  if (index == AVERROR_STREAM_NOT_FOUND && interrupt_.late()) cannot_open(index);
  base::require(index != AVERROR_STREAM_NOT_FOUND, ErrorCode::unsupported, target_.name,
                ": has no images");
  base::require(index >= 0, ErrorCode::unsupported, target_.name,
                ": this libav has no decoder for its images");
  stream_ = input_->streams[index];
  decoder_.reset(avcodec_alloc_context3(codec));
  if (!decoder_ || avcodec_parameters_to_context(decoder_.get(), stream_->codecpar) < 0) {
    throw std::bad_alloc();
  }
  decoder_->opaque = &decoder_log_;
  decoder_->pkt_timebase = stream_->time_base;
  decoder_->thread_count = target_.live ? 1 : kFileThreads;
  if (target_.live) decoder_->flags |= AV_CODEC_FLAG_LOW_DELAY;
  const int status = avcodec_open2(decoder_.get(), codec, nullptr);
  base::require(status >= 0, code_of(status), target_.name, ": the decoder says ",
                decoder_log_.words(status));
}

void AvSource::describe() {
  Showing showing;
  const std::uint8_t* matrix = av_stream_get_side_data(stream_, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (matrix != nullptr) {
    showing.orientation = orientation_of(reinterpret_cast<const std::int32_t*>(matrix));
  }
  const AVRational aspect = av_guess_sample_aspect_ratio(input_.get(), stream_, nullptr);
  if (aspect.num > 0 && aspect.den > 0) showing.aspect = aspect;
  to_image_ = std::make_shared<ToImage>(showing);
  info_.name = target_.name;
  std::tie(info_.width, info_.height) =
      to_image_->size(stream_->codecpar->width, stream_->codecpar->height);
  info_.time_base = rational_of(stream_->time_base);
  const AVRational rate = av_guess_frame_rate(input_.get(), stream_, nullptr);
  if (rate.num > 0 && rate.den > 0) info_.rate = rational_of(rate);
  // An address may be a file on a server as well as a broadcast: the former has a length.
  const bool has_length = input_->duration != AV_NOPTS_VALUE && input_->duration > 0;
  info_.live = target_.live && !(has_length && target_.address.rfind("http", 0) == 0);
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
  const AVStream& sound = *input_->streams[index];
  const std::int64_t start = av_rescale_q(start_, stream_->time_base, sound.time_base);
  audio_ = std::make_shared<AudioTrack>(std::make_unique<AudioTrack::Queue>(sound, start));
  audio_stream_ = index;
}

/// The next packet, with a device that has none yet asked again.
int AvSource::read_packet() {
  start_waiting();
  while (true) {
    const int status = av_read_frame(input_.get(), packet_.get());
    if (status != AVERROR(EAGAIN)) return status;
    if (interrupt_.stopped() || interrupt_.late()) return AVERROR_EXIT;
    std::this_thread::sleep_for(kAskAgain);
  }
}

/// Hands the decoder one packet; false when stopped.
bool AvSource::feed() {
  const int status = read_packet();
  if (interrupt_.stopped()) return false;
  if (status == AVERROR_EOF) {
    at_end();
    avcodec_send_packet(decoder_.get(), nullptr);
    return true;
  }
  base::require(!interrupt_.late(), ErrorCode::io, next_frame(), ": nothing came for ", timeout_,
                " s");
  base::require(status >= 0, code_of(status), next_frame(), ": reading stopped: libav says ",
                input_log_.words(status));
  const std::unique_ptr<AVPacket, decltype(&av_packet_unref)> used(packet_.get(), av_packet_unref);
  if (packet_->stream_index == audio_stream_) audio_->queue().push(*packet_);
  if (packet_->stream_index != stream_->index) return true;
  if (packet_->pos >= 0) packet_end_ = packet_->pos + packet_->size;
  if ((packet_->flags & AV_PKT_FLAG_CORRUPT) != 0 && !info_.live) {
    base::fail(ErrorCode::corrupt_file, next_frame(), ": ends early, after ", packet_->size,
               " bytes");
  }
  decoder_log_.clear();
  const int sent = avcodec_send_packet(decoder_.get(), packet_.get());
  if (sent < 0) undecodable(sent);
  return true;
}

/// A file that was cut off reads like one that ends; what the demuxer complained of tells them
/// apart, and for y4m, where it does not, what is left behind the last whole frame.
void AvSource::at_end() {
  if (audio_) audio_->queue().end();
  if (info_.live) return;
  const std::string complaint = input_log_.last();
  base::require(complaint.empty(), ErrorCode::corrupt_file, info_.name,
                ": ends early: libav says \"", complaint, "\"");
  const bool y4m = std::string_view(input_->iformat->name) == "yuv4mpegpipe";
  const std::int64_t read = input_->pb != nullptr ? avio_tell(input_->pb) : 0;
  const std::int64_t left = read - packet_end_;
  base::require(!y4m || left <= 0 || packet_end_ < 0, ErrorCode::corrupt_file, info_.name,
                ": ends inside a frame, ", left, " bytes after the last whole one");
}

void AvSource::undecodable(int status) {
  if (frames_ == 0 && ++passed_over_ <= kMostPassedOver) return;
  if (info_.live) {
    if (!warned_) {
      base::warn(next_frame(), ": decoder says ", decoder_log_.words(status),
                 "; such frames are passed over");
    }
    warned_ = true;
    return;
  }
  base::fail(ErrorCode::corrupt_file, next_frame(), ": decoder says ", decoder_log_.words(status));
}

/// From the start of the source, and always later than the one before.
std::int64_t AvSource::time_of(const AVFrame& frame) {
  std::int64_t pts = frame.best_effort_timestamp;
  if (start_ == AV_NOPTS_VALUE && pts != AV_NOPTS_VALUE) start_ = pts;
  pts = pts == AV_NOPTS_VALUE ? next_pts_ : std::max(pts - start_, next_pts_);
  return pts;
}

Frame AvSource::take(AvFrame decoded) {
  Frame frame;
  frame.number = ++frames_;
  frame.pts = time_of(*decoded);
  frame.duration = std::max<std::int64_t>(decoded->pkt_duration, 0);
  next_pts_ = frame.pts + 1;
  const std::shared_ptr<AVFrame> shared(std::move(decoded));
  frame.image = [shared, convert = to_image_, number = frames_, name = info_.name] {
    try {
      return (*convert)(*shared);
    } catch (const Error& error) {
      base::fail(error.code(), "frame ", number, " of ", name, ": ", error.what());
    }
  };
  return frame;
}

}  // namespace

std::unique_ptr<FrameSource> open_av_source(const AvTarget& target, const SourceOptions& options) {
  return std::make_unique<AvSource>(target, options);
}

}  // namespace streamdiffusion::media
