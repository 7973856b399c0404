#include "graph/upsample2x.h"

#include <algorithm>

namespace streamdiffusion::graph {
namespace {

/// Of a phase's two lines (or columns), the one that each of the kernel's three reads.
constexpr int kReads[2][3] = {{0, 1, 1}, {0, 0, 1}};

}  // namespace

void fold_upsample2x(std::span<const float> weight, std::int64_t out, std::int64_t in,
                     std::span<float> folded) {
  std::ranges::fill(folded, 0.0F);
  const float* from = weight.data();
  for (std::int64_t o = 0; o < out; ++o) {
    for (std::int64_t i = 0; i < in; ++i) {
      for (int row = 0; row < 3; ++row) {
        for (int column = 0; column < 3; ++column, ++from) {
          for (int phase = 0; phase < kPhases; ++phase) {
            const int tap = 2 * kReads[phase / 2][row] + kReads[phase % 2][column];
            folded[static_cast<std::size_t>(((o * kPhases + phase) * in + i) * 4 + tap)] += *from;
          }
        }
      }
    }
  }
}

}  // namespace streamdiffusion::graph
