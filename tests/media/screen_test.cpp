// The screen as a source, on a virtual one. Skipped where Xvfb is not installed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "media/frame_source.h"
#include "support/clips.h"
#include "support/errors.h"

namespace streamdiffusion::media {
namespace {

using streamdiffusion::testing::error_of;
constexpr int kWaitLimitMs = 30000;

/// An X server of the test's own; its number comes back over a pipe. It must not start anew between
/// two clients: who comes meanwhile is turned away.
class VirtualScreen {
 public:
  VirtualScreen() {
    int ends[2];
    if (::pipe(ends) != 0) return;
    process_ = ::fork();
    if (process_ == 0) {
      ::close(ends[0]);
      const std::string descriptor = std::to_string(ends[1]);
      ::execlp("Xvfb", "Xvfb", "-displayfd", descriptor.c_str(), "-noreset", "-screen", "0",
               "160x120x24", "-nolisten", "tcp", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(ends[1]);
    std::string number;
    pollfd answer{ends[0], POLLIN, 0};
    const auto comes = [&] {
      const int ready = ::poll(&answer, 1, kWaitLimitMs);
      EXPECT_EQ(ready, 1) << "Xvfb did not say its number";
      return ready == 1;
    };
    for (char c = 0; comes() && ::read(ends[0], &c, 1) == 1 && c != '\n';) number.push_back(c);
    ::close(ends[0]);
    if (!number.empty()) display_ = ":" + number;
  }
  ~VirtualScreen() {
    if (process_ <= 0) return;
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
  }
  const std::string& display() const { return display_; }

 private:
  pid_t process_ = -1;
  std::string display_;
};

TEST(Screen, GivesItsImagesWholeOrInPart) {
  const VirtualScreen screen;
  if (screen.display().empty()) GTEST_SKIP() << "Xvfb is not installed";
  ::setenv("DISPLAY", screen.display().c_str(), 1);
  for (const auto& [input, width, height] :
       {std::tuple("screen", 160, 120), std::tuple("screen:16,8,64x48", 64, 48)}) {
    const auto source = open_source(input, {.rate = {50, 1}});
    EXPECT_TRUE(source->info().live);
    std::int64_t last = -1;
    for (int i = 0; i < 5; ++i) {
      const auto frame = source->read();
      ASSERT_TRUE(frame.has_value());
      EXPECT_GT(frame->pts, last);
      last = frame->pts;
      const Image image = frame->image();
      EXPECT_EQ(image.width, width);
      EXPECT_EQ(image.height, height);
    }
    source->interrupt();
    EXPECT_FALSE(source->read().has_value());
  }
  EXPECT_THAT(error_of([] { open_source("screen:100,100,100x100"); }),
              ::testing::HasSubstr("screen:100,100,100x100"));
}

TEST(Screen, ThatIsNotThereIsNamed) {
  ::setenv("DISPLAY", ":4711", 1);
  EXPECT_THAT(error_of([] { open_source("screen"); }),
              ::testing::HasSubstr("screen: cannot be opened: libav says"));
  ::unsetenv("DISPLAY");
}

}  // namespace
}  // namespace streamdiffusion::media
