// Seeded noise against torch.randn (tools/goldens/noise.py).
#include "stream/torch_noise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"

namespace streamdiffusion::stream {
namespace {

TEST(TorchGenerator, DrawsWhatTorchDraws) {
  std::ifstream file(std::string(SD_TEST_DATA_DIR) + "/stream/noise.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  for (const nlohmann::json& one : golden["cases"]) {
    TorchGenerator generator(std::stoull(one["seed"].get<std::string>()));
    for (const nlohmann::json& draw : one["draws"]) {
      std::vector<float> drawn(draw["size"].get<std::size_t>());
      generator.randn(drawn);
      for (std::size_t i = 0; i < draw["places"].size(); ++i) {
        const std::size_t place = draw["places"][i];
        ASSERT_NEAR(drawn[place], draw["values"][i].get<float>(), 1e-6)
            << "seed " << one["seed"] << ", draw of " << drawn.size() << ", element " << place;
      }
    }
  }
}

TEST(TorchGenerator, DefaultSeedGivesThePublishedLatents) {
  std::vector<float> drawn(2 * 4 * 64 * 64);
  TorchGenerator(2).randn(drawn);
  const float first[] = {-1.04080F, 0.91660F, -1.30419F, -1.10968F};
  const float second[] = {1.79304F, -1.64820F, 0.72620F, -0.71128F};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(drawn[i], first[i], 1e-5);
    EXPECT_NEAR(drawn[4 * 64 * 64 + i], second[i], 1e-5);
  }
}

TEST(TorchGenerator, IsStandardNormalAndAlwaysFinite) {
  std::vector<float> drawn(1U << 20U);
  TorchGenerator(99).randn(drawn);
  double sum = 0, squares = 0;
  for (const float value : drawn) {
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  const auto count = static_cast<double>(drawn.size());
  EXPECT_NEAR(sum / count, 0.0, 0.005);
  EXPECT_NEAR(squares / count, 1.0, 0.005);
}

TEST(TorchGenerator, NothingDrawnChangesNothing) {
  TorchGenerator with(5), without(5);
  std::vector<float> none, a(20), b(20);
  with.randn(none);
  with.randn(a);
  without.randn(b);
  EXPECT_EQ(a, b);
}

TEST(RandnNhwc, IsTorchsDrawWithTheChannelsInnermost) {
  constexpr std::int64_t kRows = 2, kChannels = 4, kHeight = 5, kWidth = 3;
  std::vector<float> planes(kRows * kChannels * kHeight * kWidth), pixels(planes.size());
  TorchGenerator(3).randn(planes);
  TorchGenerator generator(3);
  randn_nhwc(generator, kRows, kChannels, kHeight, kWidth, pixels);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(planes.size()); ++i) {
    const std::int64_t w = i % kWidth, h = i / kWidth % kHeight;
    const std::int64_t c = i / (kWidth * kHeight) % kChannels;
    const std::int64_t row = i / (kWidth * kHeight * kChannels);
    EXPECT_EQ(pixels[((row * kHeight + h) * kWidth + w) * kChannels + c], planes[i]);
  }
}

TEST(RandnNhwc, RefusesRoomOfAnotherSize) {
  TorchGenerator generator(3);
  std::vector<float> out(10);
  EXPECT_THROW(randn_nhwc(generator, 1, 4, 2, 2, out), base::Error);
}

}  // namespace
}  // namespace streamdiffusion::stream
