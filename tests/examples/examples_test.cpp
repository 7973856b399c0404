// The example of docs/live.md, which the build puts into a file of its own.
#include <gtest/gtest.h>
#include <streamdiffusion/streamdiffusion.h>

#include <atomic>
#include <optional>

namespace sd = streamdiffusion;

namespace {

std::atomic<int> shown = 0;

void show(const sd::Image& image, std::uint64_t /*id*/ = 0, double /*age*/ = 0) {
  shown += image.width == 256;
}

sd::Image gray_image() {
  return {256, 256, std::vector<std::uint8_t>(256 * 256 * 3, 128)};
}

sd::Image decode(const sd::Image& frame) {
  return frame;
}

struct Camera {
  int left = 40;
  std::optional<sd::Image> read() {
    if (left-- == 0) return std::nullopt;
    return gray_image();
  }
};

TEST(LiveDocument, TheExampleRuns) {
  Camera camera;
  shown = 0;
#include "docs/live_example.inc"
  live.drain();
  EXPECT_GE(shown, 1);
  EXPECT_EQ(live.counters().captured, 40U);
}

}  // namespace
