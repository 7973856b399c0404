// Sessions that keep asking get the same seconds of the device, however heavy their frames are. The
// seconds are counted by what is computed, and no turn ends before all others ask for one: what
// else the machine does changes nothing.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "session/counted_device.h"
#include "session/engine_impl.h"
#include "session/session_impl.h"
#include "session/session_options.h"
#include "support/tiny_model.h"
#include "support/wait.h"

namespace streamdiffusion {
namespace {

/// Draws a frame, and returns what it took of the device.
double draw(Session::Impl& session) {
  const auto device_seconds = [&] {
    const SessionTimes times = session.times();
    return times.encode + times.unet + times.decode;
  };
  const double before = device_seconds();
  const int width = *session.options().width, height = *session.options().height;
  session.push(Image{width, height,
                     std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3))});
  (void)session.pop_all();
  return device_seconds() - before;
}

/// A session that draws without a pause until the end, and counts what it gets. It goes when it
/// ends, so that nobody waits for its next turn.
class Neighbor {
 public:
  explicit Neighbor(std::unique_ptr<Session::Impl> session)
      : thread_([this, given = std::move(session)](const std::stop_token& stop) mutable {
          const std::unique_ptr<Session::Impl> own = std::move(given);
          while (!stop.stop_requested()) {
            const double seconds = draw(*own);
            begun_ = true;
            if (!counts_ || stop.stop_requested()) continue;
            seconds_ = seconds_ + seconds;
            ++frames_;
          }
        }) {
    testing::wait_until("the neighbor's first frame", [&] { return begun_.load(); });
  }
  void count() { counts_ = true; }
  void request_stop() { thread_.request_stop(); }
  void join() { thread_.join(); }
  double seconds() const { return seconds_; }
  int frames() const { return frames_; }

 private:
  std::atomic<bool> begun_ = false, counts_ = false;
  std::atomic<double> seconds_ = 0;
  std::atomic<int> frames_ = 0;
  std::jthread thread_;
};

class FairTime : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Session::Impl> open(const SessionOptions& options,
                                      const SessionTurns& turns = {}) const {
    auto session = std::make_unique<Session::Impl>(
        engine_, session::with_defaults(engine_->model, options), std::stop_token(), turns);
    session->set_prompts({{"red apple", 1.0F}}, Interpolation::linear);
    return session;
  }

  /// So many frames beside the neighbors, who draw until then. Returns its seconds of the device.
  double draw_beside(std::unique_ptr<Session::Impl> session, int frames,
                     std::span<Neighbor> neighbors) {
    others_ = static_cast<int>(neighbors.size());
    draw(*session);
    for (Neighbor& neighbor : neighbors) neighbor.count();
    double seconds = 0;
    for (int i = 0; i < frames; ++i) seconds += draw(*session);
    for (Neighbor& neighbor : neighbors) neighbor.request_stop();
    others_ = 0;
    session.reset();
    for (Neighbor& neighbor : neighbors) neighbor.join();
    return seconds;
  }

 private:
  std::shared_ptr<Engine::Impl> make_engine() {
    clock_.may_end = [this] { return engine_ == nullptr || engine_->turns.waiting() >= others_; };
    Engine::Impl::Extras extras;
    extras.device = std::make_unique<testing::CountedDevice>(clock_);
    extras.clock = [this] { return clock_.now.load(); };
    extras.grace = testing::kWaitLimit;
    return std::make_shared<Engine::Impl>(
        EngineOptions{
            .model = model_.path(), .device = "ref", .threads = 1, .batching = GetParam()},
        std::move(extras));
  }

  const testing::TinyModel model_;
  testing::CountedClock clock_;
  /// Who must wait before a run ends.
  std::atomic<int> others_ = 0;
  std::shared_ptr<Engine::Impl> engine_ = make_engine();
};

void expect_half(double seconds, double of_others) {
  EXPECT_NEAR(seconds / (seconds + of_others), 0.5, 0.05) << seconds << " s, " << of_others << " s";
}

/// Eight steps of sixteen times the pixels: a frame costs over a hundred times as much.
TEST_P(FairTime, ALightSessionKeepsItsHalfBesideAHeavyOne) {
  auto heavy = open({.width = 128, .height = 128, .t_index_list = {5, 10, 15, 20, 25, 30, 35, 40}});
  std::array light{Neighbor(open({.width = 32, .height = 32, .t_index_list = {30}}))};
  const double of_heavy = draw_beside(std::move(heavy), 12, light), of_light = light[0].seconds();
  expect_half(of_light, of_heavy);
}

/// As the streams of a server that promises each of them a rate.
TEST_P(FairTime, SessionsOfEqualRatesDrawAsManyFramesHoweverHeavyEachIs) {
  const SessionTurns turns{.equal_rates = true};
  auto heavy = open({.width = 64, .height = 64, .t_index_list = {5, 15, 25, 35}}, turns);
  std::array light{Neighbor(open({.width = 32, .height = 32, .t_index_list = {30}}, turns))};
  constexpr int kFrames = 12;
  draw_beside(std::move(heavy), kFrames, light);
  EXPECT_GE(light[0].frames(), kFrames - 2);
  EXPECT_LE(light[0].frames(), kFrames + 2);
}

/// As two tokens of a server, of which one has three streams.
TEST_P(FairTime, AGroupOfOneSessionKeepsItsHalfBesideAGroupOfThree) {
  const auto small = [&](std::uint64_t group) {
    return open({.width = 32, .height = 32, .t_index_list = {30}}, {.group = group});
  };
  auto one = small(1);
  std::array<Neighbor, 3> three{Neighbor(small(2)), Neighbor(small(2)), Neighbor(small(2))};
  const double of_one = draw_beside(std::move(one), 60, three);
  const double of_three = three[0].seconds() + three[1].seconds() + three[2].seconds();
  expect_half(of_one, of_three);
  for (const Neighbor& each : three) EXPECT_GT(each.seconds(), 0.3 * of_three);
}

INSTANTIATE_TEST_SUITE_P(Batching, FairTime, ::testing::Values("off", "8"),
                         [](const auto& batching) { return std::string(batching.param); });

}  // namespace
}  // namespace streamdiffusion
