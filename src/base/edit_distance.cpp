// The dynamic program over prefixes of both words, with the last three rows of its table in memory.
#include "base/edit_distance.h"

#include <algorithm>
#include <vector>

namespace streamdiffusion::base {

int edit_distance(std::string_view a, std::string_view b) {
  // Rows i - 2, i - 1 and i: row[j] is the distance between the prefixes a[:i - 1] and b[:j].
  std::vector<int> previous(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) next[j] = std::min(next[j], previous[j - 2] + 1);
    }
    std::swap(previous, row);
    std::swap(row, next);
  }
  return row[b.size()];
}

}  // namespace streamdiffusion::base
