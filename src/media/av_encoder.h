// Encodes images to packets through libavcodec, with settings for each codec.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "media/av.h"
#include "media/frame_sink.h"
#include "media/gif_palette.h"
#include "media/pixels.h"

namespace streamdiffusion::media {

class AvEncoder {
 public:
  struct Options {
    /// What messages call the sink.
    std::string name;
    /// libav's name: libx264, libvpx, libvpx-vp9, gif, rawvideo, wrapped_avframe.
    std::string encoder;
    /// rawvideo only: rgb24 instead of yuv420p.
    bool rgb = false;
    /// Low delay, and a key frame every 2 s so that a viewer can join.
    bool live = false;
    /// The container stores the codec's headers once, not in every key frame.
    bool global_header = false;
  };
  /// Receives one packet; its times are in context().time_base.
  using OnPacket = std::function<void(AVPacket&)>;

  /// Throws unsupported if this libav lacks the encoder, io if it does not open.
  AvEncoder(const Options& options, const SinkOptions& sink);
  const AVCodecContext& context() const { return *codec_; }
  /// Encodes one image and passes every packet that is ready to `on_packet`. pts and duration are
  /// in the sink's time base. Throws io.
  void encode(const Image& image, std::int64_t pts, std::int64_t duration,
              const OnPacket& on_packet);
  /// Passes the packets that the encoder still holds.
  void finish(const OnPacket& on_packet);

 private:
  void configure(const Options& options, const SinkOptions& sink);
  void send(AVFrame* frame, const OnPacket& on_packet);

  std::string name_;
  AvLog log_;
  AvCodec codec_;
  AvPacket packet_;
  std::optional<ImageToFrame> image_to_frame_;
  std::optional<GifPalette> palette_;
  /// Durations of the frames inside the encoder, by pts; libavcodec does not keep them.
  std::map<std::int64_t, std::int64_t> durations_;
};

}  // namespace streamdiffusion::media
