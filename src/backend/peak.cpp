#include "backend/peak.h"

#include <algorithm>

#include "base/clock.h"
#include "graph/builder.h"

namespace streamdiffusion::backend {
namespace {

constexpr int kRuns = 12;
/// A slow device, as the scalar reference, has no more runs than fit.
constexpr double kMaxSeconds = 1;

/// GFLOP/s of one large convolution.
double convolution_rate(Device& device, tensor::DType dtype, bool int8, std::int64_t side,
                        std::int64_t channels) {
  graph::Builder builder(dtype);
  const graph::Value x =
      builder.input("x", {{1, side, side, channels}, dtype}, graph::Lifetime::per_frame);
  // without padding every backend does all multiplications; Winograd's algorithm saves some
  const graph::ConvOptions options{.out = channels, .pad_begin = 0, .pad_end = 0};
  builder.output("y", builder.conv2d(x, graph::Name("peak"), options));
  graph::Graph graph = builder.finish();
  if (int8) graph.ops.front().input_range = graph::ActivationRange{-1, 1};
  const double flops = graph.flops(graph.ops.front());
  const auto executable =
      device.compile({std::move(graph)}, {"peak", [](const graph::Weight&, std::span<float> out) {
                                            std::fill(out.begin(), out.end(), 0.01F);
                                          }});
  const auto state = executable->make_state();
  double best = 0;
  const auto begin = base::Clock::now();
  for (int i = 0; i < kRuns && (i == 0 || base::seconds_since(begin) < kMaxSeconds); ++i) {
    const auto start = base::Clock::now();
    executable->run(graph::Lifetime::per_frame, *state);
    best = std::max(best, flops * 1e-9 / base::seconds_since(start));
  }
  return best;
}

}  // namespace

double measure_peak(Device& device, tensor::DType dtype, bool int8) {
  return std::max(convolution_rate(device, dtype, int8, 32, 640),
                  convolution_rate(device, dtype, int8, 16, 1280));
}

}  // namespace streamdiffusion::backend
