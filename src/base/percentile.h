// Percentiles of measured values, such as the p50 and p99 of frame times.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace streamdiffusion::base {

/// The smallest value that at least a share `p` (0..1) of the values do not exceed (nearest rank);
/// 0 if there are no values.
inline double percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size())));
  const auto at = values.begin() +
                  static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, values.size()) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace streamdiffusion::base
