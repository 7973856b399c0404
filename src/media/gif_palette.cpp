// A small libavfilter graph between two buffers.
#include "media/gif_palette.h"

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

#include <new>

#include "base/error.h"

namespace streamdiffusion::media {
namespace {

constexpr const char* kGraph =
    "[in]split[a][b];[a]palettegen=stats_mode=single[palette];"
    "[b][palette]paletteuse=new=1[out]";

void check(int status) {
  if (status >= 0) return;
  char text[AV_ERROR_MAX_STRING_SIZE];
  av_strerror(status, text, sizeof text);
  base::fail(base::ErrorCode::internal, "the palette filter says \"", text, "\"");
}

void free_graph(AVFilterGraph* graph) {
  avfilter_graph_free(&graph);
}

/// An open end of the parsed graph, linked to a filter that exists already.
struct OpenEnd {
  OpenEnd(const char* label, AVFilterContext* filter) : end(avfilter_inout_alloc()) {
    if (end == nullptr) throw std::bad_alloc();
    end->name = av_strdup(label);
    end->filter_ctx = filter;
  }
  ~OpenEnd() { avfilter_inout_free(&end); }
  OpenEnd(const OpenEnd&) = delete;
  OpenEnd& operator=(const OpenEnd&) = delete;
  AVFilterInOut* end;
};

}  // namespace

GifPalette::GifPalette(int width, int height, AVRational time_base)
    : graph_(avfilter_graph_alloc(), free_graph) {
  if (!graph_) throw std::bad_alloc();
  const std::string source =
      base::concat("video_size=", width, "x", height, ":pix_fmt=", int{AV_PIX_FMT_RGB32},
                   ":time_base=", time_base.num, "/", time_base.den, ":pixel_aspect=1/1");
  check(avfilter_graph_create_filter(&in_, avfilter_get_by_name("buffer"), "in", source.c_str(),
                                     nullptr, graph_.get()));
  check(avfilter_graph_create_filter(&out_, avfilter_get_by_name("buffersink"), "out", nullptr,
                                     nullptr, graph_.get()));
  OpenEnd from("in", in_), to("out", out_);
  check(avfilter_graph_parse_ptr(graph_.get(), kGraph, &to.end, &from.end, nullptr));
  check(avfilter_graph_config(graph_.get(), nullptr));
}

std::vector<AvFrame> GifPalette::push(AVFrame* frame) {
  check(av_buffersrc_add_frame(in_, frame));
  std::vector<AvFrame> ready;
  while (true) {
    AvFrame next(av_frame_alloc());
    if (!next) throw std::bad_alloc();
    const int status = av_buffersink_get_frame(out_, next.get());
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return ready;
    check(status);
    ready.push_back(std::move(next));
  }
}

AVRational GifPalette::time_base() const {
  return av_buffersink_get_time_base(out_);
}

}  // namespace streamdiffusion::media
