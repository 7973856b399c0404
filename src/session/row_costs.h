// Where it pays that sessions share a call of the UNet. Rows of one call cost less than those of
// many where reading the weights, or starting an op, takes much of the time. But those of one call
// are all done at its end, and the first of many would have been done long before. So a call is
// shared where its end comes no later than those of calls one after another do on average: two take
// three halves of one's time at most, many half of their sum. On a processor that multiplies all
// the time they cost the same, and sessions take turns.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <span>

namespace streamdiffusion::session {

class RowCosts {
 public:
  bool knows_alone(int rows) const;
  bool knows_shared(int rows) const;
  /// Seconds of a session's own call, and of one over so many seats.
  void set_alone(int rows, double seconds);
  void set_shared(int rows, double seconds);

  /// Seconds of waiting that one call of so many seats saves the sessions with these rows, in sum,
  /// over calls of their own one after another in this order. Less than 0 where they would wait
  /// longer; empty where one of the calls was not measured.
  std::optional<double> saved_wait(std::span<const int> rows, int seats) const;

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
/// ascending. With `costs`, the share that saves the most waiting, if any does; null: as many as
/// fit the largest call.
RowShare choose_share(std::span<const int> rows, std::span<const int> sizes, const RowCosts* costs);

}  // namespace streamdiffusion::session
