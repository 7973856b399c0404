// How CLIP sees an image, against transformers' processor over Pillow
// (tools/goldens/ip_adapter.py).
#include <gtest/gtest.h>

#include <cstdlib>

#include "image/resize.h"
#include "json/json.h"
#include "support/environment.h"

namespace streamdiffusion::image {
namespace {

/// 64 + the numbers that tools/goldens/models.py's integer_input() makes of a name.
std::vector<std::uint8_t> picture(std::size_t bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : std::string_view("golden.picture.bias")) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  }
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i < bytes; ++i) {
    std::uint64_t z = hash + (i + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111eb;
    z ^= (z >> 31U);
    out.push_back(static_cast<std::uint8_t>(64 + (((z >> 40U) * 2 + 1) >> 18U)));
  }
  return out;
}

/// Pillow rounds between rows and columns as well, so that some bytes differ by one.
TEST(CentralSquare, IsThatOfPillow) {
  const json::Json pictures =
      json::Json::read(streamdiffusion::testing::data_folder(SD_TEST_DATA_DIR) /
                       "golden/ip_adapter/pictures.json")
          .at("pictures");
  ASSERT_EQ(pictures.size(), 4U);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const auto number = [&](const char* key) {
      return static_cast<int>(pictures[i].at(key).integer());
    };
    const int width = number("width"), height = number("height"), side = number("side");
    SCOPED_TRACE(width);
    const Image image{width, height, picture(static_cast<std::size_t>(width * height * 3))};
    const Image found = central_square(ImageView(image), side);
    const std::vector<std::int64_t> expected = pictures[i].at("pixels").integers();
    ASSERT_EQ(found.width, side);
    ASSERT_EQ(found.height, side);
    ASSERT_EQ(found.rgb.size(), expected.size());
    int different = 0;
    for (std::size_t k = 0; k < expected.size(); ++k) {
      ASSERT_LE(std::abs(found.rgb[k] - static_cast<int>(expected[k])), 1) << "byte " << k;
      different += found.rgb[k] == expected[k] ? 0 : 1;
    }
    EXPECT_LE(different, static_cast<int>(expected.size() / 4));
  }
}

}  // namespace
}  // namespace streamdiffusion::image
