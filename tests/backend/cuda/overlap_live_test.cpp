// Live sessions on the cuda device without a card: two frames are in flight as long as others wait
// for the engine, and none waits for the next.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "backend/cuda/overlap_support.h"
#include "base/error.h"
#include "streamdiffusion/live.h"
#include "support/wait.h"

namespace streamdiffusion::backend::cuda::test {
namespace {

using streamdiffusion::testing::TinyModel;
using streamdiffusion::testing::wait_until;
using ::testing::Each;
using ::testing::Le;

class OverlapLive : public ::testing::Test {
 protected:
  OverlapLive() { cuda_on_host::set_order(cuda_on_host::Order::forward); }

  std::unique_ptr<LiveSession> open(QueuePolicy policy = {QueuePolicy::Kind::block, 16}) {
    const LiveCallbacks callbacks{
        .output =
            [this](const LiveOutput& output) {
              const std::lock_guard lock(mutex_);
              outputs_.push_back(output);
            },
        .error =
            [this](const Error& /*error*/, std::optional<std::uint64_t> id) {
              const std::lock_guard lock(mutex_);
              failed_.push_back(id.value_or(kNoFrame));
            }};
    return std::make_unique<LiveSession>(Engine(engine_), settings(), policy, callbacks);
  }
  static LiveSettings settings() {
    return {.options = {.width = kOverlapSide,
                        .height = kOverlapSide,
                        .t_index_list = {32},
                        .cfg_type = CfgType::none,
                        .parallel = Parallel::ops}};
  }
  /// Noting when it is decoded: those before it are in the engine's mailbox then.
  LiveFrame frame(int number) {
    return {.image = [this, number] {
      decoded_ = number;
      return overlap_image(static_cast<std::uint64_t>(number));
    }};
  }
  /// At each wait for a frame, from now on: how many are in flight. The first one is held until
  /// frame `until` is decoded.
  void count_in_flight(int until) {
    record_.before_event_wait = [this, until, uploads = record_.uploads_beside] {
      constexpr int kUploads = 2;  // of a frame: its pixels, and the table of the step
      if (in_flight_.empty())
        wait_until("frames in the mailbox", [&] { return decoded_ >= until; });
      const int begun = (record_.uploads_beside - uploads) / kUploads;
      in_flight_.push_back(begun - static_cast<int>(in_flight_.size()));
    };
  }
  std::size_t received() {
    const std::lock_guard lock(mutex_);
    return outputs_.size();
  }

  static constexpr std::uint64_t kNoFrame = ~std::uint64_t{0};
  const TinyModel model_;
  HostRuntime::Record record_;
  const std::shared_ptr<Engine::Impl> engine_ = open_on_host(record_, {.model = model_.path()});
  std::mutex mutex_;
  std::vector<LiveOutput> outputs_;
  std::vector<std::uint64_t> failed_;
  std::vector<int> in_flight_;
  std::atomic<int> decoded_ = -1;
};

TEST_F(OverlapLive, TwoAreInFlightWhileFramesWait) {
  constexpr int kFrames = 9;
  const auto live = open();
  count_in_flight(kFrames - 1);
  for (int number = 0; number < kFrames; ++number) live->submit(frame(number));
  live->drain();
  ASSERT_EQ(in_flight_.size(), std::size_t{kFrames});
  for (int number = 1; number < kFrames - 2; ++number) EXPECT_EQ(in_flight_[number], 2) << number;
  EXPECT_THAT(in_flight_, Each(Le(2)));
  const auto session = session_of(engine_, settings().options, false);
  ASSERT_EQ(outputs_.size(), std::size_t{kFrames});
  for (std::uint64_t number = 0; number < kFrames; ++number) {
    enter(*session, number);
    EXPECT_EQ(outputs_[number].frame_id, number);
    EXPECT_EQ(outputs_[number].image->rgb, session->pop_all().at(0).image.rgb) << number;
  }
  EXPECT_GT(live->call_seconds(), 0);
}

TEST_F(OverlapLive, AFrameComesOutWithoutAnother) {
  for (const auto kind : {QueuePolicy::Kind::block, QueuePolicy::Kind::latest}) {
    outputs_.clear();
    const auto live = open({kind, 1});
    for (int number = 0; number < 3; ++number) {
      live->submit(frame(number));
      ASSERT_TRUE(wait_until("the image", [&] { return received() == std::size_t(number) + 1; }));
    }
  }
}

/// Both frames on the card fail, and no others.
TEST_F(OverlapLive, ACardThatFailsLosesWhatIsInFlight) {
  constexpr int kFrames = 9;
  const auto live = open();
  count_in_flight(kFrames - 1);
  record_.before_event_wait = [this, count = record_.before_event_wait] {
    count();
    if (in_flight_.size() == 4) record_.fail_in = 1;
  };
  for (int number = 0; number < kFrames; ++number) live->submit(frame(number));
  live->drain();
  EXPECT_THAT(failed_, ::testing::ElementsAre(3, 4));
  EXPECT_EQ(live->counters().failed, 2U);
  EXPECT_EQ(live->counters().processed, std::uint64_t{kFrames} - 2);
}

TEST_F(OverlapLive, ChangesTakeEffectBetweenFrames) {
  const auto live = open();
  std::uint64_t submitted = 0;
  for (const char* prompt : {"red apple", "blue house", "dark night"}) {
    LiveSettings changed = settings();
    changed.prompts = {{prompt, 1.0F}};
    changed.options.t_index_list = {static_cast<int>(20 + submitted)};
    live->change(changed);
    for (int i = 0; i < 4; ++i) live->submit(frame(static_cast<int>(submitted++)));
    ASSERT_TRUE(wait_until("the images", [&] { return received() == submitted; }));
  }
  EXPECT_TRUE(failed_.empty());
  EXPECT_EQ(live->counters().processed, submitted);
}

TEST_F(OverlapLive, StopsWithFramesInFlight) {
  const auto live = open();
  for (int number = 0; number < 6; ++number) live->submit(frame(number));
  wait_until("the first image", [&] { return received() > 0; });
  live->stop();
  const LiveCounters counters = live->counters();
  EXPECT_EQ(counters.captured, counters.processed + counters.dropped_stopped + counters.failed);
  EXPECT_TRUE(failed_.empty());
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda::test
