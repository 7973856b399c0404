// Time as containers count it: whole multiples of a unit (the time base), so copying loses nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace streamdiffusion::media {

struct Rational {
  int numerator = 0, denominator = 1;
  double value() const { return static_cast<double>(numerator) / denominator; }
  bool positive() const { return numerator > 0 && denominator > 0; }
  friend bool operator==(const Rational&, const Rational&) = default;
};

/// Frames a second of what says no rate of its own.
inline constexpr Rational kDefaultRate{25, 1};

/// The fraction nearest to a frame rate; NTSC rates such as 29.97 become n * 1000/1001.
Rational nearest_rational(double value);

/// Set once, from any thread or a signal handler, to end every wait that checks it.
using StopFlag = std::shared_ptr<std::atomic<bool>>;
inline StopFlag make_stop_flag() {
  return std::make_shared<std::atomic<bool>>(false);
}

}  // namespace streamdiffusion::media
