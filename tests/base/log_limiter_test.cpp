// A log that cannot be filled.
#include "base/log_limiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace streamdiffusion::base {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class Limiter : public ::testing::Test {
 protected:
  void warn(const std::string& message) { limiter_.log(LogLevel::warning, message, now_); }

  std::vector<std::string> lines_;
  Clock::time_point now_ = Clock::now();
  LogLimiter limiter_{[this](LogLevel, std::string_view message) { lines_.emplace_back(message); }};
};

TEST_F(Limiter, SaysHowManyMessagesOfOneKindItLeftOut) {
  for (int i = 0; i < 1000; ++i) {
    warn("image " + std::to_string(i) + ": libjpeg says \"" + std::string(i % 7, 'x') + "\"");
  }
  EXPECT_EQ(lines_.size(), static_cast<std::size_t>(LogLimiter::kBurst));
  warn("another kind");
  EXPECT_EQ(lines_.back(), "another kind");
  now_ += LogLimiter::kWindow;
  warn("another kind");
  ASSERT_EQ(lines_.size(), static_cast<std::size_t>(LogLimiter::kBurst) + 3);
  EXPECT_THAT(lines_[lines_.size() - 2], HasSubstr("990 more messages like this one"));
  EXPECT_THAT(lines_[lines_.size() - 2], HasSubstr("image 0"));
  warn("image 1: libjpeg says \"x\"");
  EXPECT_THAT(lines_.back(), HasSubstr("image 1"));
}

TEST_F(Limiter, KeepsABoundedNumberOfKinds) {
  for (std::size_t i = 0; i < 3 * LogLimiter::kMaxKinds; ++i) {
    warn(std::string(1, static_cast<char>('a' + i % 26)) +
         std::string(1, static_cast<char>('a' + i / 26 % 26)) + std::string(i / 676, 'z'));
  }
  EXPECT_EQ(lines_.size(), LogLimiter::kMaxKinds + LogLimiter::kBurst);
}

}  // namespace
}  // namespace streamdiffusion::base
