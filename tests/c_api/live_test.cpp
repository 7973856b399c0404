// Live sessions of the C interface: callbacks, taking, borrowed pixels, and what may not be called
// where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "c_api/support.h"
#include "support/wait.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;

streamdiffusion_live_options blocking(int depth = 2) {
  streamdiffusion_live_options options;
  streamdiffusion_live_options_init(&options, sizeof options);
  options.policy = STREAMDIFFUSION_POLICY_BLOCK;
  options.depth = depth;
  return options;
}

streamdiffusion_live* open(const streamdiffusion_live_options* options,
                           const char* parameters = kSmall) {
  streamdiffusion_live* live = nullptr;
  streamdiffusion_error* error = nullptr;
  expect_ok(streamdiffusion_live_open(tiny_engine(), parameters, options, &live, &error), error);
  return live;
}

streamdiffusion_counters counters_of(const streamdiffusion_live* live) {
  streamdiffusion_counters counters{};
  counters.struct_size = sizeof counters;
  streamdiffusion_live_counters(live, &counters);
  return counters;
}

TEST(CLive, DeliversEveryFrameToTheCallbackInOrder) {
  struct Seen {
    std::vector<std::uint64_t> tags;
    streamdiffusion_output* kept = nullptr;
  } seen;
  streamdiffusion_live_options options = blocking();
  options.user = &seen;
  options.output = [](streamdiffusion_output* output, void* user) {
    auto* to = static_cast<Seen*>(user);
    to->tags.push_back(info_of(output).tag);
    if (to->kept == nullptr) to->kept = streamdiffusion_output_retain(output);
  };
  streamdiffusion_live* live = open(&options);
  for (int i = 0; i < 5; ++i) {
    std::uint64_t id = 99;
    ASSERT_EQ(streamdiffusion_live_submit(live, TestFrame(i).pointer(), &id, nullptr),
              STREAMDIFFUSION_OK);
    EXPECT_EQ(id, static_cast<std::uint64_t>(i));
  }
  ASSERT_EQ(streamdiffusion_live_drain(live, nullptr), STREAMDIFFUSION_OK);
  EXPECT_EQ(seen.tags, (std::vector<std::uint64_t>{100, 101, 102, 103, 104}));
  EXPECT_EQ(counters_of(live).processed, 5U);
  EXPECT_EQ(streamdiffusion_live_submit(live, TestFrame(9).pointer(), nullptr, nullptr),
            STREAMDIFFUSION_END);
  streamdiffusion_live_free(live);
  EXPECT_EQ(pixels_of(seen.kept).size(), 32U * 24 * 3);  // it outlives the session
  streamdiffusion_output_release(seen.kept);
}

TEST(CLive, OutputsAreTakenByThoseWhoCannotBeCalled) {
  const streamdiffusion_live_options options = blocking();
  streamdiffusion_live* live = open(&options);
  streamdiffusion_output* output = nullptr;
  EXPECT_EQ(streamdiffusion_live_take(live, 0, &output, nullptr), STREAMDIFFUSION_NO_OUTPUT);
  std::thread source([live] {
    for (int i = 0; i < 6; ++i)
      streamdiffusion_live_submit(live, TestFrame(i).pointer(), nullptr, nullptr);
    streamdiffusion_live_close(live);
  });
  std::vector<std::uint64_t> tags;
  while (streamdiffusion_live_take(live, -1, &output, nullptr) == STREAMDIFFUSION_OK) {
    tags.push_back(info_of(output).tag);
    streamdiffusion_output_release(output);
  }
  source.join();
  EXPECT_EQ(tags, (std::vector<std::uint64_t>{100, 101, 102, 103, 104, 105}));
  EXPECT_EQ(streamdiffusion_live_take(live, 0, &output, nullptr), STREAMDIFFUSION_END);
  streamdiffusion_live_free(live);
}

TEST(CLive, TheNewestOutputReplacesOneThatWasNotFetched) {
  streamdiffusion_live* live = open(nullptr);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(streamdiffusion_live_submit(live, TestFrame(i).pointer(), nullptr, nullptr),
              STREAMDIFFUSION_OK);
    const auto done = static_cast<std::uint64_t>(i + 1);
    ASSERT_TRUE(wait_until("output", [&] { return counters_of(live).processed == done; }));
  }
  ASSERT_TRUE(wait_until("two replaced", [&] { return counters_of(live).replaced == 2; }));
  streamdiffusion_output* output = nullptr;
  ASSERT_EQ(streamdiffusion_live_take(live, 1000, &output, nullptr), STREAMDIFFUSION_OK);
  EXPECT_EQ(info_of(output).tag, 102U);
  streamdiffusion_output_release(output);
  streamdiffusion_live_free(live);
}

TEST(CLive, StopsThoughNobodyFetches) {
  const streamdiffusion_live_options options = blocking(1);
  streamdiffusion_live* live = open(&options);
  std::thread source([live] {
    int i = 0;
    while (streamdiffusion_live_submit(live, TestFrame(i++).pointer(), nullptr, nullptr) ==
           STREAMDIFFUSION_OK) {
    }
  });
  ASSERT_TRUE(wait_until("output", [&] { return counters_of(live).processed >= 1; }));
  EXPECT_EQ(streamdiffusion_live_stop(live, nullptr), STREAMDIFFUSION_OK);
  source.join();
  streamdiffusion_live_free(live);
}

TEST(CLive, PixelsAreReleasedExactlyOnceWhateverBecomesOfTheFrame) {
  std::atomic<int> released = 0;
  const auto lent = [&](TestFrame& frame) {
    frame.frame.release = [](void* user) { ++*static_cast<std::atomic<int>*>(user); };
    frame.frame.release_user = &released;
  };
  streamdiffusion_live* live = open(nullptr);
  TestFrame good(0), bad(1), paused(2), late(3);
  for (TestFrame* frame : {&good, &bad, &paused, &late}) lent(*frame);
  bad.frame.strides[0] = 1;
  EXPECT_EQ(streamdiffusion_live_submit(live, &good.frame, nullptr, nullptr), STREAMDIFFUSION_OK);
  EXPECT_EQ(streamdiffusion_live_submit(live, &bad.frame, nullptr, nullptr),
            STREAMDIFFUSION_INVALID_ARGUMENT);
  ASSERT_TRUE(wait_until("output", [&] { return counters_of(live).processed == 1; }));
  streamdiffusion_live_pause(live);
  EXPECT_EQ(streamdiffusion_live_submit(live, &paused.frame, nullptr, nullptr), STREAMDIFFUSION_OK);
  streamdiffusion_live_resume(live);
  EXPECT_EQ(streamdiffusion_live_stop(live, nullptr), STREAMDIFFUSION_OK);
  EXPECT_EQ(streamdiffusion_live_submit(live, &late.frame, nullptr, nullptr), STREAMDIFFUSION_END);
  EXPECT_EQ(streamdiffusion_live_submit(nullptr, &late.frame, nullptr, nullptr),
            STREAMDIFFUSION_INVALID_ARGUMENT);
  streamdiffusion_live_free(live);
  EXPECT_EQ(released, 5);
}

TEST(CLive, AFrameWithoutAnImageIsRefusedWhereImagesAreFollowed) {
  streamdiffusion_live* live = open(nullptr);
  std::uint64_t id = 99;
  streamdiffusion_error* error = nullptr;
  const streamdiffusion_status status = streamdiffusion_live_submit(live, nullptr, &id, &error);
  EXPECT_EQ(status, STREAMDIFFUSION_INVALID_ARGUMENT);
  EXPECT_THAT(text_of(status, error), HasSubstr("without an image"));
  error = nullptr;
  EXPECT_EQ(id, 99U);
  EXPECT_EQ(counters_of(live).captured, 0U);
  expect_ok(streamdiffusion_live_change(live, R"({"mode": "txt2img", "cfg_type": "none"})", &error),
            error);
  expect_ok(streamdiffusion_live_submit(live, nullptr, &id, &error), error);
  EXPECT_EQ(id, 0U);
  ASSERT_TRUE(wait_until("output", [&] { return counters_of(live).processed == 1; }));
  streamdiffusion_live_free(live);
}

TEST(CLive, AnImageIsRefusedWhereNoneIsFollowed) {
  static std::atomic<int> released = 0;
  streamdiffusion_live* live = open(nullptr);
  streamdiffusion_error* error = nullptr;
  expect_ok(streamdiffusion_live_change(live, R"({"mode": "txt2img", "cfg_type": "none"})", &error),
            error);
  TestFrame frame(0);
  frame.frame.release = [](void*) { ++released; };
  const streamdiffusion_status status =
      streamdiffusion_live_submit(live, &frame.frame, nullptr, &error);
  EXPECT_EQ(status, STREAMDIFFUSION_INVALID_ARGUMENT);
  EXPECT_THAT(text_of(status, error), HasSubstr("mode is txt2img: expected NULL"));
  EXPECT_EQ(counters_of(live).captured, 0U);
  EXPECT_EQ(released, 1);
  streamdiffusion_live_free(live);
}

TEST(CLive, WhatASmallStructDoesNotHoldIsNotCalled) {
  static std::atomic<int> released = 0;
  streamdiffusion_live* live = open(nullptr);
  TestFrame frame(0);
  frame.frame.release = [](void*) { ++released; };
  for (const std::size_t size : {std::size_t{0}, offsetof(streamdiffusion_frame, release)}) {
    frame.frame.struct_size = size;
    EXPECT_EQ(streamdiffusion_live_submit(live, &frame.frame, nullptr, nullptr),
              STREAMDIFFUSION_INVALID_ARGUMENT);
  }
  streamdiffusion_live_free(live);
  EXPECT_EQ(released, 0);
}

TEST(CLive, ParametersChangeWhileItRuns) {
  const streamdiffusion_live_options options = blocking();
  streamdiffusion_live* live = open(&options);
  streamdiffusion_error* error = nullptr;
  expect_ok(streamdiffusion_live_change(live, R"({"prompt": "green tree", "steps": 1})", &error),
            error);
  char* text = nullptr;
  ASSERT_EQ(streamdiffusion_live_parameters(live, &text, nullptr), STREAMDIFFUSION_OK);
  EXPECT_THAT(text, HasSubstr("green tree"));
  EXPECT_THAT(text, HasSubstr("\"steps\":1"));
  streamdiffusion_string_free(text);
  const auto status = streamdiffusion_live_change(live, R"({"promt": "cat"})", &error);
  EXPECT_THAT(text_of(status, error), HasSubstr("did you mean \"prompt\"?"));
  streamdiffusion_live_free(live);
}

TEST(CLive, RefusesToWaitForItselfInACallback) {
  struct Inside {
    std::atomic<streamdiffusion_live*> live{nullptr};
    std::atomic<int> stop{-1}, drain{-1};
  } inside;
  streamdiffusion_live_options options = blocking();
  options.user = &inside;
  options.output = [](streamdiffusion_output*, void* user) {
    auto* to = static_cast<Inside*>(user);
    to->stop = streamdiffusion_live_stop(to->live, nullptr);
    to->drain = streamdiffusion_live_drain(to->live, nullptr);
    streamdiffusion_live_free(to->live);
  };
  inside.live = open(&options);
  streamdiffusion_live* live = inside.live;
  for (int i = 0; i < 2; ++i)
    streamdiffusion_live_submit(live, TestFrame(i).pointer(), nullptr, nullptr);
  EXPECT_EQ(streamdiffusion_live_drain(live, nullptr), STREAMDIFFUSION_OK);
  EXPECT_EQ(inside.stop, STREAMDIFFUSION_INVALID_ARGUMENT);
  EXPECT_EQ(inside.drain, STREAMDIFFUSION_INVALID_ARGUMENT);
  streamdiffusion_live_free(live);
}

TEST(CLive, OptionsOutsideTheirRangeAreRefused) {
  const auto refused = [](auto change) {
    streamdiffusion_live_options options = blocking();
    change(options);
    streamdiffusion_live* live = nullptr;
    streamdiffusion_error* error = nullptr;
    const auto status = streamdiffusion_live_open(tiny_engine(), kSmall, &options, &live, &error);
    EXPECT_EQ(live, nullptr);
    return text_of(status, error);
  };
  EXPECT_THAT(refused([](auto& o) { o.depth = 0; }), HasSubstr("depth is 0"));
  EXPECT_THAT(refused([](auto& o) { o.policy = 7; }), HasSubstr("policy is 7"));
  EXPECT_THAT(refused([](auto& o) { o.struct_size = 4; }), HasSubstr("struct_size is 4"));
}

}  // namespace
}  // namespace streamdiffusion::testing
