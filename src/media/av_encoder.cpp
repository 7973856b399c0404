// One libavcodec encoder; GIF frames pass through a palette filter first.
#include "media/av_encoder.h"

#include <cmath>
#include <new>
#include <utility>
#include <vector>

#include "base/error.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

constexpr int kThreads = 2;
constexpr double kLiveKeyFrameSeconds = 2;
/// libvpx obeys `crf` for VP8 only up to this bit rate: bits per second and pixel.
constexpr std::int64_t kVp8BitsPerPixel = 30;

/// x264 holds back 5 frames instead of 15, so that less is missing from the file of a program that
/// is killed. Files are a tenth smaller, and SSIM is lower by 0.005.
constexpr const char* kShortLookahead = "rc-lookahead=3:sync-lookahead=0";

using Settings = std::vector<std::pair<const char*, const char*>>;

/// Good quality at little cost, since diffusion needs the cores.
Settings encoder_settings(const std::string& encoder, bool live) {
  if (encoder == "libx264" && live) return {{"preset", "veryfast"}, {"tune", "zerolatency"}};
  if (encoder == "libx264") {
    return {{"preset", "veryfast"}, {"crf", "18"}, {"x264-params", kShortLookahead}};
  }
  if (encoder == "libvpx-vp9") {
    return {{"deadline", "realtime"},
            {"cpu-used", "7"},
            {"crf", "24"},
            {"row-mt", "1"},
            {"lag-in-frames", "0"}};
  }
  if (encoder == "libvpx") {
    return {{"deadline", "realtime"}, {"cpu-used", "4"}, {"crf", "10"}, {"lag-in-frames", "0"}};
  }
  return {};
}

/// H.264 in 4:2:0 needs even sizes; 4:4:4 takes any.
AVPixelFormat format_of(const AvEncoder::Options& options, const SinkOptions& sink) {
  if (options.encoder == "gif") return AV_PIX_FMT_PAL8;
  if (options.rgb) return AV_PIX_FMT_RGB24;
  const bool odd = sink.width % 2 != 0 || sink.height % 2 != 0;
  return options.encoder == "libx264" && odd ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P;
}

}  // namespace

AvEncoder::AvEncoder(const Options& options, const SinkOptions& sink) : name_(options.name) {
  const AVCodec* codec = avcodec_find_encoder_by_name(options.encoder.c_str());
  base::require(codec != nullptr, ErrorCode::unsupported, name_, ": this libav has no encoder ",
                options.encoder);
  codec_.reset(avcodec_alloc_context3(codec));
  packet_.reset(av_packet_alloc());
  if (!codec_ || !packet_) throw std::bad_alloc();
  configure(options, sink);
  AvOptions settings;
  for (const auto& [key, value] : encoder_settings(options.encoder, options.live)) {
    settings.set(key, value);
  }
  const int status = avcodec_open2(codec_.get(), codec, settings.get());
  base::require(status >= 0, ErrorCode::io, name_, ": the encoder ", options.encoder, " says ",
                log_.error_message(status));
}

void AvEncoder::configure(const Options& options, const SinkOptions& sink) {
  const AVPixelFormat format = format_of(options, sink);
  codec_->opaque = &log_;
  codec_->width = sink.width;
  codec_->height = sink.height;
  codec_->pix_fmt = format;
  codec_->time_base = av_rational(sink.time_base);
  codec_->framerate = av_rational(sink.rate);
  codec_->sample_aspect_ratio = {1, 1};
  codec_->thread_count = kThreads;
  if (options.live) {
    codec_->gop_size = static_cast<int>(std::lround(kLiveKeyFrameSeconds * sink.rate.value()));
  }
  if (options.encoder == "libvpx") {
    codec_->bit_rate = kVp8BitsPerPixel * sink.width * sink.height;
  }
  if (options.global_header) codec_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  if (format == AV_PIX_FMT_PAL8) {
    image_to_frame_.emplace(AV_PIX_FMT_RGB32);
    palette_.emplace(sink.width, sink.height, codec_->time_base);
    codec_->time_base = palette_->time_base();
    return;
  }
  image_to_frame_.emplace(format);
  if (format == AV_PIX_FMT_RGB24) return;
  codec_->color_range = AVCOL_RANGE_MPEG;
  codec_->colorspace = AVCOL_SPC_SMPTE170M;
  codec_->color_primaries = AVCOL_PRI_BT709;
  codec_->color_trc = AVCOL_TRC_BT709;
}

void AvEncoder::encode(const Image& image, std::int64_t pts, std::int64_t duration,
                       const OnPacket& on_packet) {
  const AvFrame frame = (*image_to_frame_)(image);
  frame->pts = pts;
  frame->pkt_duration = duration;
  frame->color_range = codec_->color_range;
  frame->colorspace = codec_->colorspace;
  if (!palette_) {
    durations_[pts] = duration;
    return send(frame.get(), on_packet);
  }
  for (const AvFrame& ready : palette_->push(frame.get())) send(ready.get(), on_packet);
}

void AvEncoder::finish(const OnPacket& on_packet) {
  if (palette_) {
    for (const AvFrame& ready : palette_->push(nullptr)) send(ready.get(), on_packet);
  }
  send(nullptr, on_packet);
}

void AvEncoder::send(AVFrame* frame, const OnPacket& on_packet) {
  log_.clear();
  const int sent = avcodec_send_frame(codec_.get(), frame);
  base::require(sent >= 0, ErrorCode::io, name_, ": the encoder says ", log_.error_message(sent));
  while (true) {
    const int status = avcodec_receive_packet(codec_.get(), packet_.get());
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
    base::require(status >= 0, ErrorCode::io, name_, ": the encoder says ",
                  log_.error_message(status));
    if (const auto known = durations_.find(packet_->pts); known != durations_.end()) {
      packet_->duration = known->second;
      durations_.erase(known);
    }
    on_packet(*packet_);
    av_packet_unref(packet_.get());
  }
}

}  // namespace streamdiffusion::media
