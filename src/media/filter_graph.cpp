#include "media/filter_graph.h"

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

#include <new>

#include "base/error.h"

namespace streamdiffusion::media {
namespace {

void check(int status) {
  if (status >= 0) return;
  char text[AV_ERROR_MAX_STRING_SIZE];
  av_strerror(status, text, sizeof text);
  base::fail(base::ErrorCode::unsupported, "libavfilter says \"", text, "\"");
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

FilterGraph build_graph(const std::string& graph, const std::string& source, AVFilterContext*& in,
                        AVFilterContext*& out) {
  FilterGraph built(avfilter_graph_alloc(), free_graph);
  if (!built) throw std::bad_alloc();
  check(avfilter_graph_create_filter(&in, avfilter_get_by_name("buffer"), "in", source.c_str(),
                                     nullptr, built.get()));
  check(avfilter_graph_create_filter(&out, avfilter_get_by_name("buffersink"), "out", nullptr,
                                     nullptr, built.get()));
  OpenEnd from("in", in), to("out", out);
  check(avfilter_graph_parse_ptr(built.get(), graph.c_str(), &to.end, &from.end, nullptr));
  check(avfilter_graph_config(built.get(), nullptr));
  return built;
}

std::vector<AvFrame> push_frame(AVFilterContext* in, AVFilterContext* out, AVFrame* frame) {
  check(av_buffersrc_add_frame(in, frame));
  std::vector<AvFrame> ready;
  while (true) {
    AvFrame next(av_frame_alloc());
    if (!next) throw std::bad_alloc();
    const int status = av_buffersink_get_frame(out, next.get());
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return ready;
    check(status);
    ready.push_back(std::move(next));
  }
}

}  // namespace streamdiffusion::media
