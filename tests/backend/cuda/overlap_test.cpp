// Two frames in flight on the cuda device without a card: the images are those of one frame in
// flight, in whatever order the streams do their work, and nothing is waited for but the right
// frame.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>
#include <tuple>

#include "backend/cuda/overlap_support.h"
#include "base/error.h"
#include "support/tiny_controlnet.h"
#include "support/tiny_ip_adapter.h"
#include "support/wait.h"

namespace streamdiffusion::backend::cuda::test {
namespace {

using streamdiffusion::testing::TemporaryFolder;
using streamdiffusion::testing::TinyModel;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Between = std::function<void(Session::Impl&, std::uint64_t)>;

class Overlap : public ::testing::Test {
 protected:
  Overlap() { cuda_on_host::set_order(cuda_on_host::Order::forward); }

  /// Two in flight in every order of the streams, against one.
  void expect_same(const std::shared_ptr<Engine::Impl>& engine, const SessionOptions& options,
                   const Between& between = {}) {
    record_.order = WorkOrder::late;
    const auto expected = outputs_of(*session_of(engine, options, false), 7, between);
    EXPECT_EQ(expected.size(), 7U);
    for (const WorkOrder order : kWorkOrders) {
      record_.order = order;
      EXPECT_THAT(differing(outputs_of(*session_of(engine, options, true), 7, between), expected),
                  IsEmpty())
          << "order " << static_cast<int>(order);
    }
  }

  const TinyModel model_;
  HostRuntime::Record record_;
};

SessionOptions with(
    std::vector<int> t_index_list, CfgType cfg,
    const std::function<void(SessionOptions&)>& set = [](SessionOptions&) {}) {
  SessionOptions options{.t_index_list = std::move(t_index_list),
                         .cfg_type = cfg,
                         .guidance_scale = 1.4F,
                         .parallel = Parallel::ops,
                         .keep_tensors = true};
  set(options);
  return options;
}

/// A change before the fourth frame.
Between before_the_fourth(const std::function<void(Session::Impl&)>& change) {
  return [change](Session::Impl& session, std::uint64_t number) {
    if (number == 3) change(session);
  };
}

TEST_F(Overlap, DrawsTheSameBits) {
  const std::pair<SessionOptions, Between> cases[]{
      {with({32}, CfgType::none), {}},
      {with({10, 22, 32, 45}, CfgType::self), before_the_fourth([](auto& s) {
         s.set_prompts({{"red apple", 1.0F}}, Interpolation::linear);
       })},
      {with({22, 45}, CfgType::initialize), before_the_fourth([](auto& s) {
         s.set_seeds({{7, 1.0F}}, Interpolation::linear);
       })},
      {with({32}, CfgType::full, [](auto& o) { o.frame_buffer_size = 2; }),
       before_the_fourth([](auto& s) { s.set_guidance_scale(2.5F); })},
      {with({0, 22, 45}, CfgType::none, [](auto& o) { o.text_to_image = true; }),
       before_the_fourth([](auto& s) {
         s.set_t_index_list({0, 10, 40});
       })},
      {with({32}, CfgType::none, [](auto& o) { o.latent_feedback = 0.4F; }),
       before_the_fourth([](auto& s) { s.set_latent_feedback(0); })},
      {with({32}, CfgType::none), before_the_fourth([](auto& s) { s.set_latent_feedback(0.5F); })},
      {with({22, 45}, CfgType::self, [](auto& o) { o.use_cached_attn = true; }), {}},
      {with({32}, CfgType::none,
            [](auto& o) { o.use_cached_attn = o.use_feature_injection = true; }),
       before_the_fourth([](auto& s) { s.set_feature_injection(0.3F, 0.9F); })},
      {with({22, 45}, CfgType::self, [](auto& o) { o.use_denoising_batch = false; }), {}},
      {with({32}, CfgType::none), before_the_fourth([](auto& s) { s.set_filter(true, 0.2F, 2); })},
  };
  const auto engine = open_on_host(record_, {.model = model_.path()});
  int index = 0;
  for (const auto& [options, between] : cases) {
    SCOPED_TRACE(index++);
    expect_same(engine, options, between);
  }
}

TEST_F(Overlap, DrawsTheSameBitsUnderAControlNet) {
  const TemporaryFolder folder;
  const std::string net = testing::write_tiny_controlnet(model_, folder, "canny", 1.5F);
  const auto engine =
      open_on_host(record_, {.model = model_.path(), .controlnets = {{net, {.scale = 0.8F}}}});
  expect_same(engine, with({22, 45}, CfgType::self), [](Session::Impl& session, auto number) {
    const bool off = number == 2 || number == 3;
    session.set_control_settings({{.scale = 0.8F + 0.1F * number, .enabled = !off}});
  });
}

TEST_F(Overlap, DrawsTheSameBitsUnderAnIpAdapter) {
  const TemporaryFolder folder;
  testing::write_tiny_image_encoder(folder, "image_encoder");
  const std::string file = testing::write_tiny_ip_adapter(
      model_, folder, "plain.safetensors",
      testing::tiny_ip_adapter(model_, models::IpAdapterConfig::Projection::plain), 1.5F);
  const auto engine = open_on_host(
      record_,
      {.model = model_.path(), .ip_adapters = {{.file = file, .image_encoder = {}, .prompt = {}}}});
  const auto style = std::make_shared<const Image>(overlap_image(5));
  const auto other = std::make_shared<const Image>(overlap_image(6));
  expect_same(engine, with({32}, CfgType::none), [&](Session::Impl& session, auto number) {
    if (number < 2) return;
    const float scale = 0.2F * static_cast<float>(number);
    session.set_image_prompts({{.scale = scale, .images = {number < 5 ? style : other}}});
  });
}

/// The copies of a frame are queued before the frame before it is waited for, and only that frame
/// is waited for.
TEST_F(Overlap, QueuesAFrameBeforeItWaitsForTheOneBefore) {
  const auto engine = open_on_host(record_, {.model = model_.path()});
  const auto session = session_of(engine, with({32}, CfgType::none), true);
  for (std::uint64_t number = 0; number < 3; ++number) enter(*session, number);
  session->wait();
  session->pop_all();
  const int waits = record_.waits;
  std::vector<int> uploads, downloads;
  record_.before_event_wait = [&, before = record_.uploads_beside,
                               behind = record_.downloads_beside] {
    uploads.push_back(record_.uploads_beside - before);
    downloads.push_back(record_.downloads_beside - behind);
  };
  for (std::uint64_t number = 3; number < 6; ++number) {
    enter(*session, number);
    EXPECT_TRUE(session->on_device());
    const auto outputs = session->pop_all();
    ASSERT_EQ(outputs.size(), number == 3 ? 0U : 1U);
    if (number == 3) continue;
    EXPECT_EQ(outputs[0].frame_id, number - 1);
    EXPECT_GT(record_.left_queued, 0U) << "of the frame that was not waited for";
  }
  session->wait();
  EXPECT_EQ(session->pop_all().at(0).frame_id, 5U);
  EXPECT_FALSE(session->on_device());
  EXPECT_EQ(record_.left_queued, 0U);
  EXPECT_EQ(record_.waits, waits) << "never for the whole card";
  // of a frame: pixels and the table of the step; flags, latents, pixels before rounding and after
  EXPECT_THAT(uploads, ElementsAre(4, 6, 6));
  EXPECT_THAT(downloads, ElementsAre(8, 12, 12));
}

TEST_F(Overlap, TimesAreThoseOfOneInFlight) {
  record_.seconds = 0;
  record_.call_seconds = {1e-3};
  const auto engine = open_on_host(record_, {.model = model_.path()});
  const auto times = [&](bool overlap) {
    const auto session = session_of(engine, with({32}, CfgType::none), overlap);
    outputs_of(*session, 5);
    return session->times();
  };
  const SessionTimes one = times(false), two = times(true);
  EXPECT_GT(one.encode, 0);
  EXPECT_NEAR(one.encode, two.encode, 1e-9);
  EXPECT_NEAR(one.unet, two.unet, 1e-9);
  EXPECT_NEAR(one.decode, two.decode, 1e-9);
  EXPECT_EQ(one.frames, two.frames);
}

/// An event that orders two streams is left out: some order of the streams shows it.
TEST_F(Overlap, EveryEventBetweenStreamsIsNeeded) {
  const SessionOptions from_image = with({32}, CfgType::none);
  const SessionOptions from_noise =
      with({0}, CfgType::none, [](auto& o) { o.text_to_image = true; });
  const std::tuple<SessionOptions, int, int, const char*> cases[]{
      {from_image, 5, 0, "pixels to the encoder"},
      {from_noise, 4, 0, "noise to the step"},
      {from_image, 5, 2, "latents from the step"},
      {from_image, 5, 3, "pixels from the decoder"},
  };
  const auto engine = open_on_host(record_, {.model = model_.path()});
  for (const auto& [options, events_of_a_frame, event, what] : cases) {
    record_.order = WorkOrder::late;
    const auto expected = outputs_of(*session_of(engine, options, false), 5);
    bool seen = false;
    for (const WorkOrder order : kWorkOrders) {
      if (seen) break;
      record_.order = order;
      const auto session = session_of(engine, options, true);
      record_.forgotten_wait = record_.stream_waits + 3 * events_of_a_frame + event;
      seen = !differing(outputs_of(*session, 5), expected).empty();
    }
    EXPECT_TRUE(seen) << what;
  }
}

/// How many frames failed; the others have this image.
int failed_of(const std::vector<Output>& outputs, const Image& expected) {
  int failed = 0;
  for (const Output& output : outputs) {
    if (!output.error) {
      EXPECT_EQ(output.image.rgb, expected.rgb);
      continue;
    }
    EXPECT_EQ(output.error->code(), base::ErrorCode::internal) << output.error->what();
    EXPECT_THAT(output.error->what(), HasSubstr(" failed"));
    ++failed;
  }
  return failed;
}

/// Each call of the runtime fails once: every frame comes out, with its image or an error.
TEST_F(Overlap, AStreamOutlivesACallThatFails) {
  {
    const auto engine = open_on_host(record_, {.model = model_.path()});
    const auto session = session_of(engine, with({32}, CfgType::none), true);
    std::uint64_t next = 0;
    const auto draw = [&](std::uint64_t count) {
      for (std::uint64_t i = 0; i < count; ++i)
        session->push(overlap_image(1), session::FrameTag{next++, {}});
      session->flush();
      std::vector<Output> outputs = session->pop_all();
      EXPECT_EQ(outputs.size(), count);
      return outputs;
    };
    const Image expected = draw(4).back().image;
    int failures = 0;
    for (int call = 1; call < 200; ++call, ++failures) {
      SCOPED_TRACE(call);
      record_.order = kWorkOrders[static_cast<std::size_t>(call) % std::size(kWorkOrders)];
      record_.fail_in = call;
      const int failed = failed_of(draw(2), expected);
      if (record_.fail_in.exchange(0) > 0) break;
      EXPECT_GT(failed, 0);
      EXPECT_EQ(failed_of(draw(1), expected), 0);
    }
    EXPECT_GT(failures, 30);
    EXPECT_LT(failures, 150);
  }
  EXPECT_EQ(record_.releases, record_.allocations);
}

/// The same where programs are launched for the first time, recorded and replayed.
TEST_F(Overlap, ACallThatFailsInTheFirstFramesLeaksNothing) {
  const SessionOptions options = with({32}, CfgType::none);
  {
    const auto engine = open_on_host(record_, {.model = model_.path()});
    const auto expected = outputs_of(*session_of(engine, options, false), 3);
    for (int call = 1; call < 300; ++call) {
      const auto session = session_of(engine, options, true);
      record_.fail_in = call;
      const auto outputs = outputs_of(*session, 3);
      if (record_.fail_in.exchange(0) > 0) break;
      ASSERT_EQ(outputs.size(), 3U);
      int failed = 0;
      for (std::size_t i = 0; i < 3; ++i) failed += failed_of({outputs[i]}, expected[i].image);
      EXPECT_GT(failed, 0) << call;
      EXPECT_LE(failed, 2) << call << ": no more were in flight";
    }
  }
  EXPECT_EQ(record_.releases, record_.allocations);
}

TEST_F(Overlap, ASessionMayEndWithAFrameInFlight) {
  {
    const auto engine = open_on_host(record_, {.model = model_.path()});
    auto session = session_of(engine, with({32}, CfgType::none), true);
    for (std::uint64_t number = 0; number < 4; ++number) enter(*session, number);
    EXPECT_TRUE(session->on_device());
    const int waits = record_.waits;
    session.reset();
    EXPECT_GT(record_.waits, waits);
  }
  EXPECT_EQ(record_.releases, record_.allocations);
}

/// Frame 3 is not finite when it enters, and frame 6's answer at the second step is not.
TEST_F(Overlap, ABrokenFrameIsLostWithItsOwnNumber) {
  const SessionOptions options =
      with({0, 22}, CfgType::none, [](auto& o) { o.text_to_image = true; });
  const auto engine = open_on_host(record_, {.model = model_.path()});
  const std::size_t steps = 2 * sizeof(StepCoefficients);
  for (const WorkOrder order : kWorkOrders) {
    std::vector<std::vector<Output>> drawn;
    for (const bool overlap : {false, true}) {
      record_.order = order;
      const auto session = session_of(engine, options, overlap);
      int tables = 0, noises = 0;
      record_.spoil = [&](std::span<std::byte> uploaded) {
        auto* numbers = reinterpret_cast<float*>(uploaded.data());
        const bool is_table = uploaded.size() == steps + 3 * sizeof(std::int32_t);
        if (is_table ? tables++ == 7 : noises++ == 3)
          numbers[is_table ? 8 + 2 : 0] = std::numeric_limits<float>::quiet_NaN();
      };
      drawn.push_back(outputs_of(*session, 10));
      record_.spoil = [](auto) {};
    }
    EXPECT_THAT(differing(drawn[1], drawn[0]), IsEmpty()) << static_cast<int>(order);
    std::vector<std::uint64_t> lost;
    for (const Output& output : drawn[1])
      if (output.error) lost.push_back(output.frame_id);
    EXPECT_THAT(lost, ElementsAre(3, 6)) << static_cast<int>(order);
  }
}

/// Who waits for a turn must not wait for frames of a session that fills the card.
TEST_F(Overlap, NothingStaysOnTheCardWhileAnotherSessionWaits) {
  const auto engine = open_on_host(record_, {.model = model_.path()});
  const auto first = session_of(engine, with({32}, CfgType::none), true);
  const auto second = session_of(engine, with({32}, CfgType::none), false);
  for (std::uint64_t number = 0; number < 2; ++number) enter(*first, number);
  ASSERT_TRUE(first->on_device());
  std::jthread other;
  std::atomic<bool> asked = false;
  record_.before_event_wait = [&] {
    if (asked.exchange(true)) return;
    other = std::jthread([&] { enter(*second, 0); });
    streamdiffusion::testing::wait_until("the other session's wait for a turn",
                                         [&] { return engine->turns.waiting() == 1; });
  };
  enter(*first, 2);
  EXPECT_FALSE(first->on_device());
  EXPECT_EQ(first->pop_all().size(), 3U);
  other.join();
  EXPECT_EQ(second->pop_all().size(), 1U);
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda::test
