#include "support/clips.h"

#include <cmath>
#include <string>

namespace streamdiffusion::media {
namespace {

constexpr int kStep = 14, kDarkest = 20;

}  // namespace

Image numbered_image(int width, int height, int index) {
  Image image{width, height, {}};
  const auto gray = static_cast<std::uint8_t>(kDarkest + kStep * index);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool left = x < width / 4, right = x >= width - width / 4;
      image.rgb.push_back(left ? 220 : right ? 10 : gray);
      image.rgb.push_back(left || right ? 10 : gray);
      image.rgb.push_back(left ? 10 : right ? 220 : gray);
    }
  }
  return image;
}

int number_in(const Image& image) {
  const std::size_t middle =
      3 * (static_cast<std::size_t>(image.height / 2) * static_cast<std::size_t>(image.width) +
           static_cast<std::size_t>(image.width / 2));
  const double gray = (image.rgb[middle] + image.rgb[middle + 1] + image.rgb[middle + 2]) / 3.0;
  return static_cast<int>(std::lround((gray - kDarkest) / kStep));
}

Seen read_all(FrameSource& source) {
  Seen seen;
  while (const auto frame = source.read()) {
    const Image image = frame->image();
    seen.numbers.push_back(number_in(image));
    seen.pts.push_back(frame->pts);
    seen.sizes.emplace_back(image.width, image.height);
  }
  return seen;
}

void write_clip(FrameSink& sink, int width, int height, const std::vector<std::int64_t>& pts) {
  for (std::size_t i = 0; i < pts.size(); ++i) {
    const std::int64_t duration = i + 1 < pts.size() ? pts[i + 1] - pts[i] : 0;
    sink.write(numbered_image(width, height, static_cast<int>(i % 16)), pts[i], duration);
  }
  sink.finish();
}

std::string clip(const testing::TemporaryFolder& folder, const std::string& name, int frames,
                 int width, int height) {
  const auto sink = open_sink(
      folder / name, {.width = width, .height = height, .time_base = {1, 10}, .rate = {10, 1}});
  write_clip(*sink, width, height, steady(frames));
  return folder / name;
}

std::vector<std::int64_t> steady(int count) {
  std::vector<std::int64_t> pts(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) pts[static_cast<std::size_t>(i)] = i;
  return pts;
}

}  // namespace streamdiffusion::media
