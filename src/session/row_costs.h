// Where it pays that sessions share a call of the UNet. Rows of one call cost less than those of
// many where reading the weights, or starting an op, takes much of the time. On a processor that
// multiplies all the time they cost the same, and each session would wait for all.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <span>

namespace streamdiffusion::session {

class RowCosts {
 public:
  /// Rows are worth sharing where calls of their own take as many times as long.
  static constexpr double kGain = 1.1;

  bool knows_alone(int rows) const;
  bool knows_shared(int rows) const;
  /// Seconds of a session's own call, and of one over so many seats.
  void set_alone(int rows, double seconds);
  void set_shared(int rows, double seconds);

  /// Seconds of calls of their own over those of one call with so many seats; empty where one of
  /// them was not measured.
  std::optional<double> gain(std::span<const int> rows, int seats) const;

 private:
  mutable std::mutex mutex_;
  /// By rows, or seats.
  std::map<int, double> alone_, shared_;
};

/// Which of the members that offer rows share a call.
struct RowShare {
  /// The first so many; less than two: none.
  std::size_t members = 0;
  /// Of the call.
  int seats = 0;
};

/// `rows` of those that offer, the leader first, then by age. `sizes`: seats that calls can have,
/// ascending. With `costs`, the share of the greatest gain, if it pays; null: as many as fit the
/// largest call.
RowShare choose_share(std::span<const int> rows, std::span<const int> sizes, const RowCosts* costs);

}  // namespace streamdiffusion::session
