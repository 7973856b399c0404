#include "backend/cuda/attention_runs.h"

namespace streamdiffusion::backend::cuda {

std::vector<AttentionRun> attention_runs(std::span<const int> kv_rows) {
  std::vector<AttentionRun> runs;
  for (std::size_t i = 0; i < kv_rows.size(); ++i) {
    const int row = static_cast<int>(i), kv = kv_rows[i];
    if (!runs.empty()) {
      AttentionRun& last = runs.back();
      if (last.batch == 1 && kv == last.first_kv) {
        ++last.rows;
        continue;
      }
      const bool next_follows = i + 1 == kv_rows.size() || kv_rows[i + 1] != kv;
      if (last.rows == 1 && kv == last.first_kv + last.batch && next_follows) {
        ++last.batch;
        continue;
      }
    }
    runs.push_back({.first = row, .first_kv = kv});
  }
  return runs;
}

}  // namespace streamdiffusion::backend::cuda
