#include "flicker_bench.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>

#include "metrics_file.h"
#include "setup.h"
#include "test_frame.h"

namespace streamdiffusion::app {
namespace {

/// Standard deviation of the noise, in levels of 255: that of a webcam indoors.
constexpr double kNoise = 2;
/// Frames ahead of those that count, in which feedback settles.
constexpr int kSettling = 20;
/// Of the test pattern, which moves by 7 pixels a moment: about a pixel a frame.
constexpr double kMotion = 0.15;

struct Scene {
  const char *name, *title;
  double motion;
};
constexpr Scene kScenes[]{{"still", "still, with noise", 0},
                          {"moving", "moving by a pixel a frame", kMotion}};

/// Mean absolute changes from frame to frame, in levels of 255.
struct Flicker {
  double inputs = 0, images = 0;
  double ratio() const { return images / std::max(inputs, 1e-9); }
};

Image noisy_frame(const Session& session, double moment, std::mt19937& random) {
  Image frame = test_frame(session.width(), session.height(), moment);
  std::normal_distribution<double> noise(0, kNoise);
  for (std::uint8_t& value : frame.rgb)
    value = static_cast<std::uint8_t>(std::clamp(value + std::lround(noise(random)), 0L, 255L));
  return frame;
}

/// Of a sequence of images of one size.
class MeanChange {
 public:
  void add(const Image& image) {
    if (!last_.rgb.empty()) {
      double sum = 0;
      for (std::size_t i = 0; i < image.rgb.size(); ++i)
        sum += std::abs(int{image.rgb[i]} - int{last_.rgb[i]});
      sum_ += sum / static_cast<double>(image.rgb.size());
      ++count_;
    }
    last_ = image;
  }
  double value() const { return sum_ / std::max(count_, 1); }

 private:
  Image last_;
  double sum_ = 0;
  int count_ = 0;
};

Flicker measure(params::Settings settings, const Scene& scene, int frames) {
  OpenedSession opened = open_session(settings, true);
  std::mt19937 random(1);  // NOLINT: every run draws the same noise
  MeanChange inputs, images;
  for (int i = -kSettling; i < frames; ++i) {
    const Image frame = noisy_frame(opened.session, scene.motion * i, random);
    if (i >= 0) inputs.add(frame);
    const auto output = opened.session.process(frame);
    if (i >= 0 && output) images.add(output->image);
  }
  for (const Output& output : opened.session.flush()) images.add(output.image);
  return {inputs.value(), images.value()};
}

}  // namespace

void run_flicker_bench(params::Settings settings, int frames, const std::string& json) {
  std::printf("mean change from frame to frame, in levels of 255\n");
  std::printf("  %-26s %8s %8s %14s\n", "scene", "inputs", "images", "images/inputs");
  Metrics metrics;
  for (const Scene& scene : kScenes) {
    const Flicker flicker = measure(settings, scene, frames);
    std::printf("  %-26s %8.2f %8.2f %14.2f\n", scene.title, flicker.inputs, flicker.images,
                flicker.ratio());
    metrics.push_back(
        {scene.name, Metrics{{"inputs", flicker.inputs}, {"images", flicker.images}}});
  }
  if (!json.empty()) write_metrics(json, metrics);
}

}  // namespace streamdiffusion::app
