// What a call of the C interface costs beyond the engine, at 512x512. The similarity filter skips
// every frame but the first, so that no model runs: what is left is the call, the conversion of the
// frame, the filter and the output. The first row is the same through the C++ interface.
//
//   cmake --build build/release --target call_bench && build/release/call_bench
#include <benchmark/benchmark.h>

#include <stdexcept>

#include "streamdiffusion/c.h"
#include "streamdiffusion/streamdiffusion.h"
#include "support/tiny_model.h"

namespace streamdiffusion::bench {
namespace {

constexpr int kSide = 512;
constexpr const char* kStream =
    R"({"width": 512, "height": 512, "steps": 1, "prompt": "red apple", "cfg_type": "none",
        "enable_similar_image_filter": true, "similar_image_filter_threshold": 0,
        "similar_image_filter_max_skip_frame": 1000000})";

const testing::TinyModel& model() {
  static const testing::TinyModel tiny;
  return tiny;
}

std::vector<std::uint8_t> pixels() {
  std::vector<std::uint8_t> bytes(std::size_t{4} * kSide * kSide);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 % 251);
  return bytes;
}

void check(streamdiffusion_status status) {
  if (status != STREAMDIFFUSION_OK) throw std::runtime_error("a call failed");
}

void cpp(benchmark::State& state) {
  Engine engine = Engine::open({.model = model().path(), .device = "ref", .dtype = DataType::f32});
  Session session = engine.session({.width = kSide,
                                    .height = kSide,
                                    .t_index_list = {25},
                                    .cfg_type = CfgType::none,
                                    .enable_similar_image_filter = true,
                                    .similar_image_filter_threshold = 0,
                                    .similar_image_filter_max_skip_frame = 1000000});
  session.set_prompt("red apple");
  const std::vector<std::uint8_t> bytes = pixels();
  const ImageView frame(bytes.data(), kSide, kSide, std::ptrdiff_t{3} * kSide);
  session.process(frame);
  for (auto step : state) benchmark::DoNotOptimize(session.process(frame));
}

void c(benchmark::State& state, streamdiffusion_format format, bool copy_out) {
  streamdiffusion_engine* engine = nullptr;
  const std::string options =
      R"({"device": "ref", "dtype": "f32", "model": ")" + model().path() + "\"}";
  check(streamdiffusion_engine_open(options.c_str(), &engine, nullptr));
  streamdiffusion_session* session = nullptr;
  check(streamdiffusion_session_open(engine, kStream, &session, nullptr));
  std::vector<std::uint8_t> bytes = pixels(), out(bytes.size());
  const bool i420 = format == STREAMDIFFUSION_FORMAT_I420;
  const bool packed = format != STREAMDIFFUSION_FORMAT_NV12 && !i420;
  streamdiffusion_frame frame;
  streamdiffusion_frame_init(&frame, sizeof frame);
  frame.width = frame.height = kSide;
  frame.format = format;
  frame.planes[0] = bytes.data();
  frame.planes[1] = bytes.data() + std::size_t{kSide} * kSide;
  frame.strides[0] =
      packed ? std::ptrdiff_t{format == STREAMDIFFUSION_FORMAT_RGB ? 3 : 4} * kSide : kSide;
  frame.planes[2] = bytes.data() + std::size_t{kSide} * kSide * 5 / 4;
  frame.strides[1] = frame.strides[2] = i420 ? kSide / 2 : kSide;
  streamdiffusion_frame target = frame;
  target.planes[0] = out.data();
  target.planes[1] = out.data() + std::size_t{kSide} * kSide;
  target.planes[2] = out.data() + std::size_t{kSide} * kSide * 5 / 4;
  const auto call = [&] {
    streamdiffusion_output* output = nullptr;
    check(streamdiffusion_session_process(session, &frame, nullptr));
    check(streamdiffusion_session_next(session, &output, nullptr));
    if (copy_out) check(streamdiffusion_output_copy(output, &target, nullptr));
    streamdiffusion_output_release(output);
  };
  call();
  for (auto step : state) call();
  streamdiffusion_session_free(session);
  streamdiffusion_engine_free(engine);
}

BENCHMARK(cpp)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(c, rgb, STREAMDIFFUSION_FORMAT_RGB, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(c, bgra, STREAMDIFFUSION_FORMAT_BGRA, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(c, nv12, STREAMDIFFUSION_FORMAT_NV12, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(c, i420, STREAMDIFFUSION_FORMAT_I420, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(c, rgb_and_out, STREAMDIFFUSION_FORMAT_RGB, true)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(c, bgra_and_out, STREAMDIFFUSION_FORMAT_BGRA, true)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(c, nv12_and_out, STREAMDIFFUSION_FORMAT_NV12, true)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(c, i420_and_out, STREAMDIFFUSION_FORMAT_I420, true)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace streamdiffusion::bench

BENCHMARK_MAIN();
