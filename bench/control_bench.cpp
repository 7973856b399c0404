// Control images without a network: milliseconds for each at 512x512, on one thread.
//
//   cmake --build build/release --target control_bench && build/release/control_bench
#include <benchmark/benchmark.h>

#include <array>
#include <cmath>

#include "streamdiffusion/control.h"

namespace streamdiffusion {
namespace {

constexpr int kSide = 512;

/// Waves with a little noise and blocks with sharp borders; or noise alone, which is the worst case
/// of canny: a third of all pixels are edges.
Image drawing(bool noise) {
  Image image{kSide, kSide, {}};
  std::uint32_t random = 1;
  for (int i = 0; i < kSide * kSide * 3; ++i) {
    random = random * 1664525 + 1013904223;
    const int x = i / 3 % kSide, y = i / 3 / kSide;
    const double wave = 60 * std::sin(x * 0.07 + i % 3) + 40 * std::sin(y * 0.05);
    const int block = (x / 37 + y / 29) % 2 == 0 ? 30 : 0;
    const int value = noise ? static_cast<int>(random >> 24) : static_cast<int>(115 + wave) + block;
    image.rgb.push_back(static_cast<std::uint8_t>(value));
  }
  return image;
}

struct Row {
  const char* name;
  Preprocessor preprocessor;
};
constexpr std::array kRows{Row{"passthrough", Preprocessor::passthrough},
                           Row{"canny", Preprocessor::canny},
                           Row{"soft_edge", Preprocessor::soft_edge},
                           Row{"scribble", Preprocessor::scribble},
                           Row{"lineart", Preprocessor::lineart},
                           Row{"blur", Preprocessor::blur},
                           Row{"tile", Preprocessor::tile},
                           Row{"luminance", Preprocessor::luminance},
                           Row{"color", Preprocessor::color}};

void run(benchmark::State& state, Preprocessor preprocessor, bool noise) {
  const Image frame = drawing(noise);
  for (auto step : state) {
    benchmark::DoNotOptimize(control_image(frame, {.preprocessor = preprocessor}));
  }
}

}  // namespace
}  // namespace streamdiffusion

int main(int argc, char** argv) {
  using namespace streamdiffusion;
  for (const bool noise : {false, true}) {
    for (const Row& row : kRows) {
      const std::string name = std::string(row.name) + (noise ? "/noise" : "/drawing");
      benchmark::RegisterBenchmark(name.c_str(), run, row.preprocessor, noise)
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
