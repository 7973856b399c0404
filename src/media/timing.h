// Time as containers count it: whole multiples of a unit, so that copying loses nothing.
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

/// The nearest fraction to a number such as 29.97 (30000/1001) or 25.
Rational nearest_rational(double value);

/// Set once, from any thread (a signal handler too), to end whatever waits on it.
using StopFlag = std::shared_ptr<std::atomic<bool>>;
inline StopFlag make_stop_flag() {
  return std::make_shared<std::atomic<bool>>(false);
}

}  // namespace streamdiffusion::media
