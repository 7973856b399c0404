// Sessions that keep asking get the same seconds of the device, however heavy their frames are.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "streamdiffusion/engine.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

double device_seconds(const SessionTimes& times) {
  return times.encode + times.unet + times.decode + times.other;
}

/// Draws a frame, and returns what it took of the device.
double draw(Session& session) {
  const double before = device_seconds(session.times());
  const Image image{
      session.width(), session.height(),
      std::vector<std::uint8_t>(static_cast<std::size_t>(session.width() * session.height() * 3))};
  (void)session.process(image);
  return device_seconds(session.times()) - before;
}

class FairTime : public ::testing::TestWithParam<const char*> {};

/// Eight steps of sixteen times the pixels: a frame costs over a hundred times as much.
TEST_P(FairTime, ALightSessionKeepsItsHalfBesideAHeavyOne) {
  const testing::TinyModel model;
  Engine engine =
      Engine::open({.model = model.path(), .device = "ref", .threads = 1, .batching = GetParam()});
  Session light = engine.session({.width = 32, .height = 32, .t_index_list = {30}});
  Session heavy = engine.session(
      {.width = 128, .height = 128, .t_index_list = {5, 10, 15, 20, 25, 30, 35, 40}});
  for (Session* session : {&light, &heavy}) session->set_prompt("red apple");
  constexpr int kFrames = 12;  // of the heavy one
  std::atomic<bool> begun = false, end = false;
  double of_light = 0, of_heavy = 0;
  std::thread neighbor([&] {
    draw(light);
    begun = true;
    while (!end) of_light += draw(light);
  });
  while (!begun) std::this_thread::yield();
  for (int i = 0; i < kFrames; ++i) of_heavy += draw(heavy);
  end = true;
  neighbor.join();
  EXPECT_GT(of_light, 0.4 * (of_light + of_heavy)) << of_light << " s and " << of_heavy << " s";
}

/// As the streams of a server that promises each of them a rate.
TEST_P(FairTime, SessionsOfEqualRatesDrawAsManyFramesHoweverHeavyEachIs) {
  const testing::TinyModel model;
  Engine engine =
      Engine::open({.model = model.path(), .device = "ref", .threads = 1, .batching = GetParam()})
          .equal_rates();
  Session light = engine.session({.width = 32, .height = 32, .t_index_list = {30}});
  Session heavy = engine.session({.width = 64, .height = 64, .t_index_list = {5, 15, 25, 35}});
  constexpr int kFrames = 12;
  std::atomic<bool> begun = false, end = false;
  int of_light = 0;
  std::thread neighbor([&] {
    draw(light);
    begun = true;
    for (; !end; ++of_light) draw(light);
  });
  while (!begun) std::this_thread::yield();
  for (int i = 0; i < kFrames; ++i) draw(heavy);
  end = true;
  neighbor.join();
  EXPECT_GE(of_light, kFrames / 2);
  EXPECT_LE(of_light, 2 * kFrames);
}

/// As two tokens of a server, of which one has three streams.
TEST_P(FairTime, AGroupOfOneSessionKeepsItsHalfBesideAGroupOfThree) {
  const testing::TinyModel model;
  const Engine engine =
      Engine::open({.model = model.path(), .device = "ref", .threads = 1, .batching = GetParam()});
  const auto open = [&](std::uint64_t group) {
    return engine.group(group).session({.width = 32, .height = 32, .t_index_list = {30}});
  };
  Session one = open(1);
  std::array<Session, 3> three{open(2), open(2), open(2)};
  constexpr int kFrames = 60;
  std::atomic<int> begun = 0;
  std::atomic<bool> end = false;
  std::array<double, 3> of_each{};
  std::vector<std::thread> neighbors;
  for (std::size_t i = 0; i < three.size(); ++i) {
    neighbors.emplace_back([&, i] {
      draw(three[i]);
      ++begun;
      while (!end) of_each[i] += draw(three[i]);
    });
  }
  while (begun < 3) std::this_thread::yield();
  double of_one = 0;
  for (int i = 0; i < kFrames; ++i) of_one += draw(one);
  end = true;
  for (std::thread& neighbor : neighbors) neighbor.join();
  const double of_three = of_each[0] + of_each[1] + of_each[2];
  EXPECT_GT(of_one, 0.4 * (of_one + of_three)) << of_one << " s and " << of_three << " s";
  for (const double seconds : of_each) EXPECT_GT(seconds, 0.2 * of_three);
}

INSTANTIATE_TEST_SUITE_P(Batching, FairTime, ::testing::Values("off", "8"),
                         [](const auto& batching) { return std::string(batching.param); });

}  // namespace
}  // namespace streamdiffusion
