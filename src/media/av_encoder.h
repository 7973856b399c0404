// Images in, packets of a codec out, with the settings that each codec needs.
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
    /// What messages call the output.
    std::string name;
    /// libav's name: libx264, libvpx, libvpx-vp9, gif, rawvideo, wrapped_avframe.
    std::string encoder;
    /// rawvideo only: rgb24 instead of yuv420p.
    bool rgb = false;
    /// Someone waits for every frame.
    bool live = false;
    bool global_header = false;
  };
  using Take = std::function<void(AVPacket&)>;

  AvEncoder(const Options& options, const SinkOptions& sink);
  const AVCodecContext& context() const { return *codec_; }
  /// Hands every packet that is ready to `take`, in codec's time base.
  void encode(const Image& image, std::int64_t pts, std::int64_t duration, const Take& take);
  void finish(const Take& take);

 private:
  void set_up(const Options& options, const SinkOptions& sink);
  void send(AVFrame* frame, const Take& take);

  std::string name_;
  AvLog log_;
  AvCodec codec_;
  AvPacket packet_;
  std::optional<FromImage> from_image_;
  std::optional<GifPalette> palette_;
  /// Of frames inside the encoder, by pts.
  std::map<std::int64_t, std::int64_t> durations_;
};

}  // namespace streamdiffusion::media
