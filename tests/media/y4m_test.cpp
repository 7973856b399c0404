#include "media/y4m.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "base/error.h"

namespace streamdiffusion::media {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

File stream_of(const std::string& text) {
  File file(std::tmpfile());
  std::fwrite(text.data(), 1, text.size(), file.get());
  std::rewind(file.get());
  return file;
}

TEST(Y4m, ComesBackNearlyForOddSizesToo) {
  Image image{7, 5, {}};
  for (int i = 0; i < 7 * 5; ++i)
    image.rgb.insert(image.rgb.end(), {static_cast<std::uint8_t>(60 + 2 * i), 120, 90});
  File file(std::tmpfile());
  Y4mWriter writer(file.get(), 7, 5, 30, 1);
  writer.write(image);
  writer.write(image);
  std::rewind(file.get());
  Y4mReader reader(file.get(), "test");
  EXPECT_EQ(reader.header().rate_numerator, 30);
  for (int frame = 0; frame < 2; ++frame) {
    const auto again = reader.read();
    ASSERT_TRUE(again.has_value());
    double sum = 0;
    for (std::size_t i = 0; i < image.rgb.size(); ++i)
      sum += std::abs(int{image.rgb[i]} - int{again->rgb[i]});
    EXPECT_LT(sum / static_cast<double>(image.rgb.size()), 4.0);
  }
  EXPECT_FALSE(reader.read().has_value());
}

TEST(Y4m, WhiteIsWhiteInBothRanges) {
  const std::string limited =
      "YUV4MPEG2 W2 H2 F25:1 C444\nFRAME\n" + std::string(4, '\xeb') + std::string(8, '\x80');
  const std::string full = "YUV4MPEG2 W2 H2 F25:1 C444 XCOLORRANGE=FULL\nFRAME\n" +
                           std::string(4, '\xff') + std::string(8, '\x80');
  const std::string mono = "YUV4MPEG2 W2 H2 F25:1 Cmono\nFRAME\n" + std::string(4, '\xeb');
  for (const std::string& text : {limited, full, mono}) {
    const File file = stream_of(text);
    EXPECT_EQ(Y4mReader(file.get(), "test").read()->rgb, std::vector<std::uint8_t>(12, 255));
  }
}

TEST(Y4m, RefusesWhatItCannotRead) {
  const std::pair<const char*, const char*> cases[]{
      {"", "is empty"},
      {"RIFF....\n", "expected \"YUV4MPEG2\""},
      {"YUV4MPEG2 H2\n", "has no size"},
      {"YUV4MPEG2 W-2 H2\n", "the width"},
      {"YUV4MPEG2 W999999 H2\n", "the width"},
      {"YUV4MPEG2 W2 H2 C420p10\n", "C420p10"},
      {"YUV4MPEG2 W2 H2 It\n", "interlaced"},
      {"YUV4MPEG2 W2 H2 F25\n", "frame rate"},
      {"YUV4MPEG2 W2 H2", "inside a header"},
  };
  for (const auto& [text, expected] : cases) {
    const File file = stream_of(text);
    try {
      Y4mReader reader(file.get(), "test");
      FAIL() << text;
    } catch (const base::Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(expected));
    }
  }
}

TEST(Y4m, ATruncatedFrameIsNamed) {
  const File file =
      stream_of("YUV4MPEG2 W2 H2 F25:1 C444\nFRAME\n" + std::string(12, 'x') + "FRAME\nxxx");
  Y4mReader reader(file.get(), "test");
  EXPECT_TRUE(reader.read().has_value());
  try {
    reader.read();
    FAIL() << "did not throw";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("frame 1 ends after 3 of 12 bytes"));
  }
}

TEST(RawRgb, EndsCleanlyAndNamesATruncatedFrame) {
  const File file = stream_of(std::string(15, 'x'));
  EXPECT_TRUE(read_raw_rgb(file.get(), 2, 2, 0).has_value());
  EXPECT_THROW(read_raw_rgb(file.get(), 2, 2, 1), base::Error);
  EXPECT_FALSE(read_raw_rgb(stream_of("").get(), 2, 2, 0).has_value());
}

}  // namespace
}  // namespace streamdiffusion::media
