// Canny's edges against OpenCV's, pixel by pixel (tools/goldens/canny.py).
#include "control/canny.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/environment.h"

namespace streamdiffusion::control {
namespace {

constexpr int kWidth = 97, kHeight = 61;

/// The drawing of tools/goldens/canny.py.
Image drawing() {
  Image image{kWidth, kHeight, {}};
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const bool in_disk = (x - 40) * (x - 40) + (y - 30) * (y - 30) < 400;
      const int base = (in_disk ? 150 : 40) + (2 * x > 130 + y ? 60 : 0) + 3 * std::max(0, y - 45);
      for (int c = 0; c < 3; ++c) {
        image.rgb.push_back(static_cast<std::uint8_t>(base + (7 * x + 13 * y + 29 * c) % 23));
      }
    }
  }
  return image;
}

std::string row_of(const Image& edges, int y) {
  std::string row;
  for (int x = 0; x < edges.width; ++x) {
    const std::uint8_t* pixel = edges.rgb.data() + 3 * (y * edges.width + x);
    EXPECT_TRUE(pixel[0] == pixel[1] && pixel[1] == pixel[2]);
    row += pixel[0] == 255 ? '#' : pixel[0] == 0 ? '.' : '?';
  }
  return row;
}

TEST(Canny, FindsTheEdgesOfOpenCV) {
  const auto golden = nlohmann::json::parse(
      std::ifstream(testing::data_folder(SD_TEST_DATA_DIR) / "control" / "canny.json"));
  for (const auto& one : golden.at("cases")) {
    const Image edges = canny(drawing(), one.at("low"), one.at("high"));
    ASSERT_EQ(edges.width, kWidth);
    ASSERT_EQ(edges.height, kHeight);
    for (int y = 0; y < kHeight; ++y) {
      EXPECT_EQ(row_of(edges, y), one.at("rows").at(static_cast<std::size_t>(y)))
          << "line " << y << ", thresholds " << one.at("low") << " and " << one.at("high");
    }
  }
}

TEST(Canny, TakesImagesOfAnySize) {
  for (const auto& [w, h] : {std::pair(1, 1), {1, 7}, {7, 1}, {2, 2}, {3, 5}}) {
    const Image image{w, h, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * w * h), 90)};
    const Image edges = canny(image, 0, 0);
    EXPECT_EQ(edges.rgb, std::vector<std::uint8_t>(image.rgb.size(), 0));
  }
}

TEST(Canny, ReadsLinesWithGaps) {
  const Image image = drawing();
  std::vector<std::uint8_t> wide(static_cast<std::size_t>(kHeight * (3 * kWidth + 13)), 255);
  for (int y = 0; y < kHeight; ++y)
    std::copy_n(image.rgb.data() + 3 * kWidth * y, 3 * kWidth, wide.data() + (3 * kWidth + 13) * y);
  EXPECT_EQ(canny({wide.data(), kWidth, kHeight, 3 * kWidth + 13}, 100, 200).rgb,
            canny(image, 100, 200).rgb);
}

}  // namespace
}  // namespace streamdiffusion::control
