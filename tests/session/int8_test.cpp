// The type int8: found by calibrating, kept in files, close to the images without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "session/calibration_table.h"
#include "streamdiffusion/streamdiffusion.h"
#include "support/environment.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

Image drawing(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int value : {x * 255 / width, y * 255 / height, x > y ? 220 : 30})
        image.rgb.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return image;
}

double peak_signal(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i)
    sum += std::pow(static_cast<double>(a.rgb[i]) - b.rgb[i], 2);
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.rgb.size()) / std::max(sum, 1e-9));
}

class Int8 : public ::testing::Test {
 protected:
  Int8() {
    ::setenv("XDG_CACHE_HOME", cache_.path().c_str(), 1);
    model_.write("streamdiffusion.json", R"({"width": 64, "height": 48})");
  }
  ~Int8() override { ::unsetenv("XDG_CACHE_HOME"); }

  EngineOptions options(DataType dtype) const {
    return {.model = model_.path(),
            .device = testing::device_or(SD_TEST_DEVICE),
            .dtype = dtype,
            .threads = 2};
  }
  /// Where the processor has no products in 8 bits, that is what is said, and the test is over.
  bool calibrated() {
    try {
      calibration_ = Engine::calibrate(options(DataType::int8));
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
      EXPECT_THAT(error.what(), HasSubstr("which needs VNNI"));
      return false;
    }
  }
  Image draw(const EngineOptions& options) const {
    Session session = Engine::open(options).session({.t_index_list = {30}});
    return session.process(drawing(64, 48))->image;
  }
  std::size_t cached_files() const {
    return static_cast<std::size_t>(std::distance(fs::recursive_directory_iterator(cache_.path()),
                                                  fs::recursive_directory_iterator()));
  }

  testing::TinyModel model_;
  testing::TemporaryFolder cache_;
  Calibration calibration_;
};

TEST_F(Int8, ImagesAreCloseToThoseWithout) {
  if (!calibrated()) GTEST_SKIP();
  EXPECT_GT(calibration_.int8_ops, calibration_.ops / 3);
  EXPECT_GT(calibration_.psnr_db, 30);
  const Image exact = draw(options(DataType::automatic)), int8 = draw(options(DataType::int8));
  EXPECT_GT(peak_signal(int8, exact), 30);
  EXPECT_NE(int8.rgb, exact.rgb) << "something runs in int8";
  EXPECT_THAT(Engine::open(options(DataType::int8)).info().dtype, HasSubstr("int8"));
}

TEST_F(Int8, TheFirstOpeningCalibratesAndTheCacheKeepsIt) {
  if (!calibrated()) GTEST_SKIP();
  fs::remove(calibration_.file);
  const Image first = draw(options(DataType::int8));
  EXPECT_TRUE(fs::exists(calibration_.file));
  const auto written = fs::last_write_time(calibration_.file);
  EXPECT_EQ(draw(options(DataType::int8)).rgb, first.rgb);
  EXPECT_EQ(fs::last_write_time(calibration_.file), written);
}

TEST_F(Int8, WithoutCacheNothingIsWritten) {
  if (!calibrated()) GTEST_SKIP();
  fs::remove_all(cache_.path() / "streamdiffusion");
  EngineOptions without = options(DataType::int8);
  without.cache = false;
  draw(without);
  EXPECT_EQ(cached_files(), 0U);
}

TEST_F(Int8, ABrokenCacheIsMadeAnewAndABrokenFileIsRefused) {
  if (!calibrated()) GTEST_SKIP();
  std::ofstream(calibration_.file) << R"({"version": 1, "unet": {"conv": [3, 1]}})";
  EngineOptions named = options(DataType::int8);
  named.calibration = calibration_.file;
  try {
    Engine::open(named);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt_file);
    EXPECT_THAT(error.what(), HasSubstr("low to high"));
  }
  Engine::open(options(DataType::int8));
  EXPECT_FALSE(session::read_calibration(calibration_.file).autoencoder.empty());
}

TEST_F(Int8, AFileIsReadAsItWasWritten) {
  const session::CalibrationTable written{{{"a.b", {-0.1F, 3.0000002F}}},
                                          {{"c \"d\"", {0, 1e-9F}}}};
  const fs::path file = cache_.path() / "deep" / "file.json";
  session::write_calibration(written, file);
  const session::CalibrationTable read = session::read_calibration(file);
  EXPECT_EQ(read.unet.at("a.b").low, -0.1F);
  EXPECT_EQ(read.unet.at("a.b").high, 3.0000002F);
  EXPECT_EQ(read.autoencoder.at("c \"d\"").high, 1e-9F);
  EXPECT_THROW(session::write_calibration(written, "/proc/nowhere/file.json"), Error);
}

TEST_F(Int8, RangesThatAreNearlyNothingCountAsZero) {
  if (!calibrated()) GTEST_SKIP();
  session::CalibrationTable table = session::read_calibration(calibration_.file);
  for (auto* ranges : {&table.unet, &table.autoencoder})
    for (auto& [name, range] : *ranges) range = {0, 1e-44F};
  EngineOptions tiny = options(DataType::int8);
  tiny.calibration = cache_ / "tiny.json";
  session::write_calibration(table, tiny.calibration);
  EXPECT_EQ(draw(tiny).rgb.size(), 64U * 48 * 3);
}

TEST_F(Int8, AnotherModelHasAnotherFile) {
  const auto own = session::calibration_cache_file(options(DataType::int8));
  EngineOptions other;
  other.random_weights = "sd15";
  EXPECT_NE(own, session::calibration_cache_file(other));
  model_.write("streamdiffusion.json", R"({"width": 64, "height": 64})");
  const auto changed = session::calibration_cache_file(options(DataType::int8));
  EXPECT_NE(own, changed);
  EngineOptions with_lora = options(DataType::int8);
  model_.write("lora.safetensors", "one");
  const std::string lora = model_.path() + "/lora.safetensors";
  with_lora.lora_dict = {{lora, 1}};
  const auto one = session::calibration_cache_file(with_lora);
  with_lora.lora_dict = {{lora, 0.5F}};
  EXPECT_NE(one, session::calibration_cache_file(with_lora));
  EngineOptions file, other_file;
  file.model = lora;
  model_.write("b.safetensors", "another");
  other_file.model = model_.path() + "/b.safetensors";
  EXPECT_NE(session::calibration_cache_file(file), session::calibration_cache_file(other_file));
}

}  // namespace
}  // namespace streamdiffusion
