// Rows of an attention that one call can take together.
#pragma once

#include <span>
#include <vector>

namespace streamdiffusion::backend::cuda {

struct AttentionRun {
  /// First row of q, first row of k and v.
  int first = 0, first_kv = 0;
  /// As many separate problems, of as many rows of q each.
  int batch = 1, rows = 1;

  bool operator==(const AttentionRun&) const = default;
};

/// Cuts rows of q into calls. Neighboring rows with the same keys are one problem with more
/// queries, as rows follow each other in memory; rows with keys of their own, in order, are one
/// batch.
std::vector<AttentionRun> attention_runs(std::span<const int> kv_rows);

}  // namespace streamdiffusion::backend::cuda
