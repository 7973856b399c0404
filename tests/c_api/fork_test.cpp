// The C interface in a process that was forked after an engine was opened.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "c_api/support.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;

constexpr unsigned kSeconds = 30;

/// Runs `body` in a child and returns what it returns: a text, or how the child ended.
template <typename Body>
std::string in_child(Body body) {
  int pipe[2];
  EXPECT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kSeconds);
    const std::string text = body();
    const ssize_t written = ::write(pipe[1], text.data(), text.size());
    ::_exit(written < 0 ? 1 : 0);
  }
  ::close(pipe[1]);
  std::string text;
  char bytes[256];
  for (ssize_t count = 0; (count = ::read(pipe[0], bytes, sizeof bytes)) > 0;)
    text.append(bytes, static_cast<std::size_t>(count));
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? "ended by signal " + std::to_string(WTERMSIG(status)) : text;
}

std::string message_of(streamdiffusion_status status, streamdiffusion_error* error) {
  std::string text = std::to_string(status) + " " + streamdiffusion_error_message(error);
  streamdiffusion_error_free(error);
  return text;
}

class Forked : public ::testing::Test {
 protected:
  void SetUp() override {
    streamdiffusion_error* error = nullptr;
    expect_ok(streamdiffusion_session_open(tiny_engine(), kSmall, &session, &error), error);
    expect_ok(streamdiffusion_live_open(tiny_engine(), kSmall, nullptr, &live, &error), error);
    expect_ok(streamdiffusion_session_process(session, frame.pointer(), &error), error);
    expect_ok(streamdiffusion_session_flush(session, &error), error);
    expect_ok(streamdiffusion_session_next(session, &output, &error), error);
    expect_ok(streamdiffusion_live_submit(live, frame.pointer(), nullptr, &error), error);
  }
  void TearDown() override {
    streamdiffusion_output_release(output);
    streamdiffusion_live_free(live);
    streamdiffusion_session_free(session);
  }

  TestFrame frame{0};
  streamdiffusion_session* session = nullptr;
  streamdiffusion_live* live = nullptr;
  streamdiffusion_output* output = nullptr;
};

TEST_F(Forked, EveryCallWithAStatusNamesTheFork) {
  using Call = std::function<streamdiffusion_status(streamdiffusion_error**)>;
  streamdiffusion_frame target = frame.frame;
  std::vector<std::uint8_t> pixels(frame.rgb.size());
  target.planes[0] = pixels.data();
  streamdiffusion_output* next = nullptr;
  streamdiffusion_engine* engine = nullptr;
  char* text = nullptr;
  const std::vector<Call> calls{
      [&](auto** e) { return streamdiffusion_session_process(session, frame.pointer(), e); },
      [&](auto** e) { return streamdiffusion_session_flush(session, e); },
      [&](auto** e) { return streamdiffusion_session_next(session, &next, e); },
      [&](auto** e) { return streamdiffusion_session_change(session, "{}", e); },
      [&](auto** e) { return streamdiffusion_session_parameters(session, &text, e); },
      [&](auto** e) { return streamdiffusion_live_submit(live, frame.pointer(), nullptr, e); },
      [&](auto** e) { return streamdiffusion_live_take(live, -1, &next, e); },
      [&](auto** e) { return streamdiffusion_live_change(live, "{}", e); },
      [&](auto** e) { return streamdiffusion_live_parameters(live, &text, e); },
      [&](auto** e) { return streamdiffusion_live_drain(live, e); },
      [&](auto** e) { return streamdiffusion_live_stop(live, e); },
      [&](auto** e) { return streamdiffusion_output_copy(output, &target, e); },
      [&](auto** e) { return streamdiffusion_engine_info(tiny_engine(), &text, e); },
      [&](auto** e) { return streamdiffusion_engine_parameters(tiny_engine(), &text, e); },
      [&](auto** e) {
        return streamdiffusion_engine_open(engine_parameters().c_str(), &engine, e);
      },
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::string said = in_child([&] {
      streamdiffusion_error* error = nullptr;
      const streamdiffusion_status status = calls[i](&error);
      return message_of(status, error);
    });
    EXPECT_THAT(said, AllOf(::testing::StartsWith("4 "), HasSubstr("fork()"))) << i;
  }
}

TEST_F(Forked, WhatHasNoStatusDoesNothingAndReturns) {
  const std::string said = in_child([&] {
    streamdiffusion_live_pause(live);
    streamdiffusion_live_resume(live);
    streamdiffusion_live_close(live);
    streamdiffusion_counters counters{};
    counters.struct_size = sizeof counters;
    streamdiffusion_live_counters(live, &counters);
    streamdiffusion_output_release(output);
    streamdiffusion_live_free(live);
    streamdiffusion_session_free(session);
    streamdiffusion_engine_free(tiny_engine());
    return std::string("returned");
  });
  EXPECT_EQ(said, "returned");
}

TEST_F(Forked, AFramesPixelsAreReleasedThoughItIsRefused) {
  const std::string said = in_child([&] {
    int released = 0;
    TestFrame borrowed(1);
    borrowed.frame.release = [](void* count) { ++*static_cast<int*>(count); };
    borrowed.frame.release_user = &released;
    streamdiffusion_live_submit(live, borrowed.pointer(), nullptr, nullptr);
    return std::to_string(released);
  });
  EXPECT_EQ(said, "1");
}

}  // namespace
}  // namespace streamdiffusion::testing
