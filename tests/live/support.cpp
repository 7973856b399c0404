#include "live/support.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/tiny_model.h"
#include "support/wait.h"

namespace streamdiffusion::testing {

Engine open_engine(int max_live_sessions) {
  static const TinyModel model;
  return Engine::open({.model = model.path(),
                       .device = SD_TEST_DEVICE,
                       .dtype = DataType::f32,
                       .threads = 2,
                       .max_live_sessions = max_live_sessions});
}

Engine& engine() {
  static Engine shared = open_engine();
  static const Session keeps_the_executables = shared.session(small().options);
  return shared;
}

LiveSettings small() {
  LiveSettings settings;
  settings.options = {.width = 32,
                      .height = 24,
                      .t_index_list = {22, 45},
                      .cfg_type = CfgType::self,
                      .parallel = Parallel::ops};
  settings.prompts = {{"red apple", 1.0F}};
  return settings;
}

Image numbered_image(int number, int width, int height) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>((i * 7 + number * 31) & 0xff));
  return image;
}

LiveFrame numbered_frame(int number) {
  return {.image = [number] { return numbered_image(number); }, .tag = number};
}

Image settled_image(Session session) {
  session.set_prompts(small().prompts);
  Image image;
  for (int i = 0; i < 4; ++i) {
    if (auto out = session.process(numbered_image(3))) image = out->image;
  }
  return image;
}

double contrast(const Image& image) {
  double mean = 0, sum = 0;
  for (const auto value : image.rgb) mean += value;
  mean /= static_cast<double>(image.rgb.size());
  for (const auto value : image.rgb) sum += std::abs(value - mean);
  return sum / static_cast<double>(image.rgb.size());
}

LiveCallbacks Receiver::callbacks() {
  return {.output =
              [this](const LiveOutput& output) {
                const std::lock_guard lock(mutex_);
                outputs_.push_back(output);
                changed_.notify_all();
              },
          .error =
              [this](const Error& error, std::optional<std::uint64_t>) {
                const std::lock_guard lock(mutex_);
                errors_.emplace_back(error.what());
                changed_.notify_all();
              }};
}

bool Receiver::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, kWaitLimit, [&] { return outputs_.size() >= count; });
  EXPECT_TRUE(came) << outputs_.size() << " of " << count << " images came";
  return came;
}

std::vector<LiveOutput> Receiver::outputs() const {
  const std::lock_guard lock(mutex_);
  return outputs_;
}

std::vector<std::string> Receiver::errors() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

void expect_balanced(const LiveCounters& c) {
  EXPECT_EQ(c.captured, c.processed + c.skipped + c.dropped() + c.failed);
  EXPECT_EQ(c.in_flight(), 0U);
}

}  // namespace streamdiffusion::testing
