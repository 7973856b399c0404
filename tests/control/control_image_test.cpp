// Control images without a network: what each shows of simple frames, and bad options.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "streamdiffusion/control.h"
#include "support/errors.h"

namespace streamdiffusion {
namespace {

using testing::expect_error;

constexpr int kSide = 96;

/// Dark left of `edge`, bright from there on.
Image step(int edge, std::uint8_t dark = 40, std::uint8_t bright = 220) {
  Image image{kSide, kSide, {}};
  for (int i = 0; i < kSide * kSide * 3; ++i)
    image.rgb.push_back(i / 3 % kSide < edge ? dark : bright);
  return image;
}

Image flat(std::uint8_t value) {
  return step(kSide, value);
}

Image made(const Image& frame, ControlImageOptions options) {
  const Image out = control_image(frame, options);
  EXPECT_EQ(out.width, frame.width);
  EXPECT_EQ(out.height, frame.height);
  EXPECT_EQ(out.rgb.size(), frame.rgb.size());
  return out;
}

int at(const Image& image, int x, int y, int c = 0) {
  return image.rgb[static_cast<std::size_t>(3 * (y * image.width + x) + c)];
}

TEST(ControlImage, PassthroughIsTheFrame) {
  EXPECT_EQ(made(step(30), {}).rgb, step(30).rgb);
}

TEST(ControlImage, CannyDrawsOneLineAtAStep) {
  const Image edges = made(step(48), {.preprocessor = Preprocessor::canny});
  for (int x = 0; x < kSide; ++x) EXPECT_EQ(at(edges, x, 20), x == 47 ? 255 : 0) << x;
}

TEST(ControlImage, SoftEdgeIsBrightestAtTheStepAndFallsOff) {
  const Image edges = made(step(48), {.preprocessor = Preprocessor::soft_edge});
  EXPECT_GT(at(edges, 47, 20), 230);
  EXPECT_GT(at(edges, 47, 20), at(edges, 45, 20));
  EXPECT_GT(at(edges, 45, 20), at(edges, 40, 20));
  EXPECT_EQ(at(edges, 10, 20), 12);  // 255 / (1 + exp(3))
  EXPECT_EQ(at(made(flat(90), {.preprocessor = Preprocessor::soft_edge}), 10, 20), 12);
}

TEST(ControlImage, ScribbleAndLineartDrawWhatIsDarkerThanAround) {
  for (const Preprocessor kind : {Preprocessor::scribble, Preprocessor::lineart}) {
    const Image lines = made(step(48), {.preprocessor = kind});
    EXPECT_GT(at(lines, 46, 20), 100);
    EXPECT_EQ(at(lines, 49, 20), 0);
    EXPECT_EQ(at(lines, 10, 20), 0);
    EXPECT_EQ(made(flat(90), {.preprocessor = kind}).rgb, flat(0).rgb);
  }
}

TEST(ControlImage, BlurKeepsFlatFramesAndSpreadsASteps) {
  EXPECT_EQ(made(flat(90), {.preprocessor = Preprocessor::blur}).rgb, flat(90).rgb);
  const Image blurred = made(step(48), {.preprocessor = Preprocessor::blur, .sigma = 4});
  // The share of a Gaussian left of -0.5 and -4.5 pixels.
  EXPECT_NEAR(at(blurred, 47, 20), 40 + 180 * 0.5 * std::erfc(0.5 / 4 / std::sqrt(2)), 1.5);
  EXPECT_NEAR(at(blurred, 43, 20), 40 + 180 * 0.5 * std::erfc(4.5 / 4 / std::sqrt(2)), 1.5);
}

TEST(ControlImage, ColorIsTheMeanOfEachCell) {
  const Image cells = made(step(32, 0, 100), {.preprocessor = Preprocessor::color});
  EXPECT_EQ(at(cells, 5, 5), 50);  // half of the first cell
  EXPECT_EQ(at(cells, 63, 70), 50);
  EXPECT_EQ(at(cells, 64, 70), 100);  // the rest of the frame, smaller than a cell
}

TEST(ControlImage, TileLosesDetailAndKeepsFlatFrames) {
  EXPECT_EQ(made(flat(90), {.preprocessor = Preprocessor::tile}).rgb, flat(90).rgb);
  const Image tiled = made(step(50), {.preprocessor = Preprocessor::tile, .cell = 8});
  EXPECT_GT(at(tiled, 48, 20), 60);
  EXPECT_LT(at(tiled, 51, 20), 200);
  EXPECT_EQ(made(step(50), {.preprocessor = Preprocessor::tile, .cell = 1}).rgb, step(50).rgb);
}

TEST(ControlImage, LuminanceIsGrayAndFollowsGamma) {
  Image frame{1, 1, {255, 0, 0}};
  EXPECT_EQ(made(frame, {.preprocessor = Preprocessor::luminance}).rgb,
            (std::vector<std::uint8_t>{76, 76, 76}));
  frame.rgb = {64, 64, 64};
  EXPECT_EQ(at(made(frame, {.preprocessor = Preprocessor::luminance, .gamma = 0.5F}), 0, 0), 128);
}

TEST(ControlImage, BadInputIsRefusedByName) {
  const auto refused = [](ControlImageOptions options, const std::string& part) {
    expect_error([&] { control_image(step(4), options); }, ErrorCode::invalid_argument, {part});
  };
  refused({.low_threshold = 300}, "low_threshold is 300, expected 0 to 200");
  refused({.high_threshold = 3000}, "high_threshold is 3000");
  refused({.sigma = NAN}, "sigma is");
  refused({.cell = 0}, "cell is 0, expected 1 to 256");
  refused({.gamma = 0}, "gamma is 0");
  expect_error([&] { control_image({}, {}); }, ErrorCode::invalid_argument, {"0x0"});
}

}  // namespace
}  // namespace streamdiffusion
