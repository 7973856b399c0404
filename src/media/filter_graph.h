// A libavfilter graph between two buffers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "media/av.h"

struct AVFilterGraph;
struct AVFilterContext;

namespace streamdiffusion::media {

using FilterGraph = std::unique_ptr<AVFilterGraph, void (*)(AVFilterGraph*)>;

/// Builds `graph`, whose open ends are called [in] and [out]. `source` describes the frames that
/// will come, as the options of libavfilter's "buffer". Sets the two ends. Throws unsupported.
FilterGraph build_graph(const std::string& graph, const std::string& source, AVFilterContext*& in,
                        AVFilterContext*& out);

/// Sends one frame, or null at the end, and returns those that are ready. Throws unsupported.
std::vector<AvFrame> push_frame(AVFilterContext* in, AVFilterContext* out, AVFrame* frame);

}  // namespace streamdiffusion::media
