#include "webrtc/bitrate.h"

#include <algorithm>

namespace streamdiffusion::webrtc {
namespace {

/// Losses below the first leave the rate free to grow, above the second they cut it.
constexpr double kLowLoss = 0.02, kHighLoss = 0.1;
constexpr double kGrowth = 1.08, kCut = 0.85;
/// Seconds of queue that are taken for a full link.
constexpr double kQueue = 0.12;
/// By how much the smallest round-trip time is forgotten at each report: routes change.
constexpr double kForgetting = 1.005;

}  // namespace

BitrateController::BitrateController(std::int64_t start, std::int64_t least, std::int64_t most)
    : bits_(std::clamp(start, least, most)), least_(least), most_(most) {}

std::int64_t BitrateController::report(double loss, double round_trip) {
  loss = std::clamp(loss, 0.0, 1.0);
  bool queued = false;
  if (round_trip > 0) {
    smallest_round_trip_ = smallest_round_trip_ == 0
                               ? round_trip
                               : std::min(round_trip, smallest_round_trip_ * kForgetting);
    queued = round_trip > smallest_round_trip_ + kQueue;
  }
  double factor = 1;
  if (loss > kHighLoss) {
    factor = 1 - loss / 2;
  } else if (queued) {
    factor = kCut;
  } else if (loss < kLowLoss) {
    factor = kGrowth;
  }
  bits_ = std::clamp(static_cast<std::int64_t>(static_cast<double>(bits_) * factor), least_, most_);
  return bits_;
}

}  // namespace streamdiffusion::webrtc
