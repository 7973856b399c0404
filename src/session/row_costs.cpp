#include "session/row_costs.h"

#include <algorithm>

namespace streamdiffusion::session {

bool RowCosts::knows_alone(int rows) const {
  const std::lock_guard lock(mutex_);
  return alone_.contains(rows);
}

bool RowCosts::knows_shared(int rows) const {
  const std::lock_guard lock(mutex_);
  return shared_.contains(rows);
}

void RowCosts::set_alone(int rows, double seconds) {
  const std::lock_guard lock(mutex_);
  alone_[rows] = seconds;
}

void RowCosts::set_shared(int rows, double seconds) {
  const std::lock_guard lock(mutex_);
  shared_[rows] = seconds;
}

std::optional<double> RowCosts::saved_wait(std::span<const int> rows, int seats,
                                           std::size_t behind) const {
  const std::lock_guard lock(mutex_);
  const auto shared = shared_.find(seats);
  if (shared == shared_.end()) return std::nullopt;
  double alone = 0, waits = 0;
  for (const int count : rows) {
    const auto own = alone_.find(count);
    if (own == alone_.end()) return std::nullopt;
    alone += own->second;
    waits += alone;
  }
  if (alone < kGain * shared->second) return 0;
  const auto others = static_cast<double>(behind);
  return waits + others * alone - (static_cast<double>(rows.size()) + others) * shared->second;
}

RowShare choose_share(std::span<const int> rows, std::span<const int> sizes, const RowCosts* costs,
                      std::size_t waiting) {
  RowShare best;
  double most = 0;
  int sum = 0;
  for (std::size_t members = 1; members <= rows.size(); ++members) {
    sum += rows[members - 1];
    const auto seats = std::ranges::lower_bound(sizes, sum);
    if (seats == sizes.end()) break;
    if (members < 2) continue;
    if (costs != nullptr) {
      const std::size_t behind = waiting - std::min(waiting, members - 1);
      const std::optional<double> saved = costs->saved_wait(rows.first(members), *seats, behind);
      if (!saved || *saved <= 0 || *saved < most) continue;
      most = *saved;
    }
    best = {members, *seats};
  }
  return best;
}

}  // namespace streamdiffusion::session
