// Tuning: the fastest of the calls that the libraries propose, by the times that a card's events
// give, kept and read back. The card is not there: what a call takes is made up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "backend/cuda/host/cuda_runtime.h"
#include "backend/cuda/host_device.h"
#include "backend/op_cases.h"
#include "base/error.h"
#include "base/log.h"
#include "graph/builder.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::backend::cuda::test {
namespace {

namespace fs = std::filesystem;
using tensor::DType;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::int64_t kChannels = 8;

/// Two convolutions of one shape, one of another, and a linear layer.
graph::Graph layers(std::int64_t channels) {
  graph::Builder b(DType::f16);
  graph::Value x = b.input("x", {{1, 2, 2, channels}, DType::f16}, graph::Lifetime::per_frame);
  x = b.conv2d(x, graph::Name("a"), {.out = channels});
  x = b.conv2d(x, graph::Name("b"), {.out = channels});
  x = b.conv2d(x, graph::Name("c"), {.out = channels, .residual = x});
  b.output("y", b.linear(x, graph::Name("d"), {.out = 2 * channels}));
  return b.finish();
}

class Tuning : public ::testing::Test {
 protected:
  Tuning() {
    cuda_on_host::set_order(cuda_on_host::Order::forward);
    record_.seconds = 0;
    record_.call_seconds = {3e-3, 1e-3, 2e-3};
    base::set_log_callback([this](base::LogLevel level, std::string_view text) {
      (level == base::LogLevel::warning ? warnings_ : notices_).emplace_back(text);
    });
  }
  ~Tuning() override { base::set_log_callback({}); }

  fs::path cache() const { return folder_.path() / "cuda"; }
  std::unique_ptr<Device> device(bool tune, bool keep = true) {
    return make_host_device(record_, {.cache_folder = keep ? cache().string() : "", .tune = tune});
  }
  /// The calls of the graph's layers, after frames that are launched, captured and replayed.
  std::vector<std::string> calls(Device& device, std::int64_t channels = kChannels) {
    const auto executable = device.compile(
        {layers(channels)}, {"tuning", [](const graph::Weight&, std::span<float> out) {
                               std::fill(out.begin(), out.end(), 0.25F);
                             }});
    const auto state = executable->make_state();
    for (int i = 0; i < 3; ++i) executable->run(graph::Lifetime::per_frame, *state);
    std::vector<std::string> names;
    for (const OpReport& op : executable->report()) names.push_back(op.implementation);
    return names;
  }
  std::vector<fs::path> kept() const {
    std::vector<fs::path> files;
    if (fs::exists(cache()))
      for (const auto& entry : fs::directory_iterator(cache())) files.push_back(entry.path());
    return files;
  }

  const streamdiffusion::testing::TemporaryFolder folder_;
  HostRuntime::Record record_;
  std::vector<std::string> warnings_, notices_;
};

const std::vector<std::string> kGuesses(4, "host");
const std::vector<std::string> kFastest(4, "host 1");

TEST_F(Tuning, TakesTheFastestOfEachShapeAndKeepsIt) {
  EXPECT_EQ(calls(*device(false)), kGuesses);
  EXPECT_THAT(kept(), IsEmpty());
  record_.proposed = 0;
  EXPECT_EQ(calls(*device(true)), kFastest);
  EXPECT_EQ(record_.proposed, 3) << "a and b have one shape";
  EXPECT_EQ(kept().size(), 3U);
  EXPECT_THAT(notices_, ElementsAre(HasSubstr("timed the kernels for 3 shapes of layers")));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(Tuning, IsDoneOnce) {
  calls(*device(true));
  record_.call_seconds = {1e-3, 9e-3, 9e-3};  // not asked again
  for (const bool tune : {true, false}) {
    record_.proposed = record_.restored = 0;
    const double before = *record_.seconds;
    const auto again = device(tune);
    EXPECT_EQ(calls(*again), kFastest);
    EXPECT_EQ(record_.proposed, 0);
    EXPECT_EQ(record_.restored, 4);
    EXPECT_NEAR(*record_.seconds - before, 3 * 4 * 9e-3, 1e-9) << "three frames and no more";
  }
  EXPECT_EQ(notices_.size(), 1U);
}

TEST_F(Tuning, WithoutACacheLastsAsLongAsTheDevice) {
  const auto only = device(true, false);
  EXPECT_EQ(calls(*only), kFastest);
  record_.proposed = 0;
  EXPECT_EQ(calls(*only), kFastest);
  EXPECT_EQ(record_.proposed, 0);
  EXPECT_THAT(kept(), IsEmpty());
  EXPECT_THAT(notices_, ElementsAre(Not(HasSubstr("are kept"))));
  EXPECT_EQ(calls(*device(false, false)), kGuesses);
}

TEST_F(Tuning, OfAnotherCardIsDoneAnew) {
  calls(*device(true));
  record_.name = "another card";
  EXPECT_EQ(calls(*device(false)), kGuesses);
  record_.call_seconds = {3e-3, 2e-3, 1e-3};
  EXPECT_EQ(calls(*device(true)), std::vector<std::string>(4, "host 2"));
  record_.name = "host";
  EXPECT_EQ(calls(*device(false)), kFastest);
}

TEST_F(Tuning, ADamagedFileIsDroppedWithALine) {
  calls(*device(true));
  for (const fs::path& file : kept()) fs::resize_file(file, fs::file_size(file) - 1);
  EXPECT_EQ(calls(*device(false)), kGuesses);
  EXPECT_THAT(warnings_, ::testing::SizeIs(3));
  EXPECT_THAT(warnings_, ::testing::Each(HasSubstr("is dropped: is damaged")));
  EXPECT_THAT(kept(), IsEmpty());
}

TEST_F(Tuning, WhatTheLibraryRefusesIsDroppedWithALineAndTimedAgain) {
  calls(*device(true));
  record_.refuses_texts = true;
  record_.call_seconds = {2e-3, 3e-3, 1e-3};
  EXPECT_EQ(calls(*device(true)), std::vector<std::string>(4, "host 2"));
  EXPECT_THAT(warnings_, Contains(HasSubstr("is dropped: the library refuses it")));
  EXPECT_EQ(kept().size(), 3U) << "written anew";
  record_.refuses_texts = false;
  EXPECT_EQ(calls(*device(false)), std::vector<std::string>(4, "host 2"));
}

TEST_F(Tuning, LeavesOutACallThatFails) {
  record_.broken_call = 1;
  EXPECT_EQ(calls(*device(true)), std::vector<std::string>(4, "host 2"));
}

TEST_F(Tuning, IsAnErrorIfNoCallWorks) {
  record_.call_seconds = {1e-3};
  record_.broken_call = 0;
  try {
    calls(*device(true));
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the call is broken"));
  }
  EXPECT_EQ(record_.releases, record_.allocations);
}

TEST_F(Tuning, WithoutMemoryForItIsALineAndTheGuess) {
  const auto tuned = device(true);
  record_.free_memory = 4096;  // the timer's copies of a weight take more
  EXPECT_EQ(calls(*tuned), kGuesses);
  EXPECT_THAT(warnings_, Not(IsEmpty()));
  EXPECT_THAT(warnings_, ::testing::Each(HasSubstr("a layer is not tuned: the card has")));
  EXPECT_THAT(kept(), IsEmpty());
}

/// Each call to the runtime fails once.
TEST_F(Tuning, AFailedCallIsAnErrorOrLeftOutAndLeaksNothing) {
  int failures = 0, calls_made = 0;
  for (int call = 1;; ++call, ++calls_made) {
    record_.fail_in = call;
    try {
      calls(*device(true, false));
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::internal) << error.what();
      ++failures;
    }
    EXPECT_EQ(record_.releases, record_.allocations) << "call " << call;
    if (record_.fail_in > 0) break;
  }
  EXPECT_GT(failures, 10);
  EXPECT_GT(calls_made, failures) << "a candidate that fails is left out";
}

/// The fake throws for an allocation or a wait within a capture, and for work of a thread that has
/// not locked the stream.
TEST_F(Tuning, DoesNotTouchACaptureOfAnotherThread) {
  constexpr int kTimes = 10;
  const auto both = device(true, false);
  std::exception_ptr failure;
  std::jthread other([&] {
    try {
      for (int i = 2; i < kTimes; ++i) calls(*both, i * kChannels);  // each of a new shape
    } catch (...) {
      failure = std::current_exception();
    }
  });
  for (int i = 0; i < kTimes; ++i) EXPECT_EQ(calls(*both), kFastest);
  other.join();
  EXPECT_EQ(failure, nullptr);
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda::test
