#include "webrtc/rtp_time.h"

#include <algorithm>

namespace streamdiffusion::webrtc {
namespace {

constexpr std::uint64_t kMarks = 256, kSecond = 1'000'000'000;

}  // namespace

std::uint64_t RtpTimes::next(std::uint64_t nanoseconds, std::uint8_t mark) {
  const std::uint64_t now =
      nanoseconds / kSecond * kRtpRate + nanoseconds % kSecond * kRtpRate / kSecond;
  const std::uint64_t from = std::max(now, earliest_);
  const std::uint64_t time = from + (mark + kMarks - from % kMarks) % kMarks;
  earliest_ = time + 1;
  return time;
}

std::uint64_t nanoseconds_of(std::uint64_t rtp_time) {
  const std::uint64_t rest = rtp_time % kRtpRate * kSecond;
  return rtp_time / kRtpRate * kSecond + (rest + kRtpRate - 1) / kRtpRate;
}

}  // namespace streamdiffusion::webrtc
