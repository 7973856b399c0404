// How work is shared: rows times lines, flattened, are cut into one contiguous share for each
// worker. Every op cuts alike, so that a worker finds in its own cache what it wrote one op
// earlier.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace streamdiffusion::backend::cpu {

/// [begin, end) of `total` items for worker `index` of `count`.
struct Share {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
};

inline Share share(std::int64_t total, int index, int count) {
  return {total * index / count, total * (index + 1) / count};
}

/// Tokens of `rows` rows, each row cut alike, into `cuts` parts; a worker takes parts that follow
/// each other. How a row is cut depends neither on other rows nor on who computes it.
struct Tokens {
  std::int64_t rows = 1, a_row = 0;
  int cuts = 1;

  /// The parts of worker `index` of `count`, none of them empty, each at most `most` tokens.
  std::vector<Share> parts(int index, int count, std::int64_t most) const {
    std::vector<Share> result;
    const Share mine = share(rows * cuts, index, count);
    for (std::int64_t part = mine.begin; part < mine.end; ++part) {
      const std::int64_t first = part / cuts * a_row;
      const Share in_row = share(a_row, static_cast<int>(part % cuts), cuts);
      for (std::int64_t at = in_row.begin; at < in_row.end; at += most)
        result.push_back({first + at, first + std::min(at + most, in_row.end)});
    }
    return result;
  }
};

/// Lines [begin, end) of one row.
struct Segment {
  std::int64_t row = 0, begin = 0, end = 0;
};

/// The segments of worker `index` when `rows` rows of `lines` lines are shared by `count` workers.
inline std::vector<Segment> segments(std::int64_t rows, std::int64_t lines, int index, int count) {
  std::vector<Segment> result;
  const Share mine = share(rows * lines, index, count);
  for (std::int64_t at = mine.begin; at < mine.end;) {
    const std::int64_t row = at / lines;
    const std::int64_t end = std::min(mine.end, (row + 1) * lines);
    result.push_back({row, at - row * lines, end - row * lines});
    at = end;
  }
  return result;
}

/// A segment cut into tiles of at most `max_lines` lines, in order.
inline std::vector<Segment> tiles(const Segment& whole, std::int64_t max_lines) {
  std::vector<Segment> result;
  for (std::int64_t at = whole.begin; at < whole.end; at += max_lines)
    result.push_back({whole.row, at, std::min(at + max_lines, whole.end)});
  return result;
}

}  // namespace streamdiffusion::backend::cpu
