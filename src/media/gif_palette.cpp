#include "media/gif_palette.h"

extern "C" {
#include <libavfilter/buffersink.h>
}

#include "base/error.h"

namespace streamdiffusion::media {
namespace {

constexpr const char* kGraph =
    "[in]split[a][b];[a]palettegen=stats_mode=single[palette];"
    "[b][palette]paletteuse=new=1[out]";

std::string source_options(int width, int height, AVRational time_base) {
  return base::concat("video_size=", width, "x", height, ":pix_fmt=", int{AV_PIX_FMT_RGB32},
                      ":time_base=", time_base.num, "/", time_base.den, ":pixel_aspect=1/1");
}

}  // namespace

GifPalette::GifPalette(int width, int height, AVRational time_base)
    : graph_(build_graph(kGraph, source_options(width, height, time_base), in_, out_)) {}

std::vector<AvFrame> GifPalette::push(AVFrame* frame) {
  return push_frame(in_, out_, frame);
}

AVRational GifPalette::time_base() const {
  return av_buffersink_get_time_base(out_);
}

}  // namespace streamdiffusion::media
