// The screen as a source, on a virtual one, and what a desktop on Wayland without a session bus is
// told. The former is skipped where Xvfb is not installed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "base/log.h"
#include "media/frame_source.h"
#include "media/portal_source.h"
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

/// No desktop of whoever runs the tests.
class Screen : public ::testing::Test {
 protected:
  Screen() { forget(); }
  ~Screen() override { forget(); }

 private:
  static void forget() {
    for (const char* name :
         {"DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"}) {
      ::unsetenv(name);
    }
  }
};

TEST_F(Screen, GivesItsImagesWholeOrInPart) {
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

TEST_F(Screen, ThatIsNotThereIsNamed) {
  ::setenv("DISPLAY", ":4711", 1);
  EXPECT_THAT(error_of([] { open_source("screen"); }),
              ::testing::HasSubstr("screen: cannot be opened: libav says"));
}

TEST_F(Screen, OfWaylandIsTheDesktopsToShow) {
  ::setenv("WAYLAND_DISPLAY", "wayland-0", 1);
  ::setenv("DISPLAY", ":4711", 1);
  std::string said;
  base::set_log_callback([&](base::LogLevel, std::string_view text) { said += text; });
  const std::string error = error_of([] { open_source("screen"); });
  base::set_log_callback({});
  const std::string anew = error_of([] { open_source("screen:portal"); });
  if (has_portal_source()) {
    EXPECT_THAT(error, ::testing::HasSubstr("screen: there is no session bus"));
    EXPECT_THAT(anew, ::testing::HasSubstr("screen:portal: there is no session bus"));
  } else {
    EXPECT_THAT(said, ::testing::HasSubstr("screen: this desktop runs on Wayland"));
    EXPECT_THAT(error, ::testing::HasSubstr("screen: cannot be opened: libav says"));
    EXPECT_THAT(anew,
                ::testing::HasSubstr("screen:portal: this program is built without PipeWire"));
  }
}

}  // namespace
}  // namespace streamdiffusion::media
