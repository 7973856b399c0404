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

std::optional<double> RowCosts::saved_wait(std::span<const int> rows, int seats) const {
  const std::lock_guard lock(mutex_);
  const auto shared = shared_.find(seats);
  if (shared == shared_.end()) return std::nullopt;
  double end = 0, waits = 0;
  for (const int count : rows) {
    const auto own = alone_.find(count);
    if (own == alone_.end()) return std::nullopt;
    end += own->second;
    waits += end;
  }
  return waits - static_cast<double>(rows.size()) * shared->second;
}

RowShare choose_share(std::span<const int> rows, std::span<const int> sizes,
                      const RowCosts* costs) {
  RowShare best;
  double most = 0;
  int sum = 0;
  for (std::size_t members = 1; members <= rows.size(); ++members) {
    sum += rows[members - 1];
    const auto seats = std::ranges::lower_bound(sizes, sum);
    if (seats == sizes.end()) break;
    if (members < 2) continue;
    if (costs != nullptr) {
      const std::optional<double> saved = costs->saved_wait(rows.first(members), *seats);
      if (!saved || *saved <= most) continue;
      most = *saved;
    }
    best = {members, *seats};
  }
  return best;
}

}  // namespace streamdiffusion::session
