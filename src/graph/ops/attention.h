// Multi-head scaled dot-product attention.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace streamdiffusion::graph {

/// out = softmax(q k^T / sqrt(head size)) v for each head; softmax in f32.
/// inputs: q [n, h, w, c], k [m, keys, 1, c], v [m, keys, 1, c]. Row i of q attends to row
/// kv_rows[i] of k and v, so that rows that share a prompt share its keys and values.
///
/// With `slots` it also attends to keys and values of earlier calls: the extended self-attention of
/// StreamV2V (Liang et al. 2024, arXiv 2405.15757, section 3.2). Each row keeps as many slots of
/// keys and values in the stream's state (Graph::kept_bytes). A fourth input, i32 [n, 1, 1, 1 + f],
/// says for each row in which slot this call's are kept, and up to f slots of earlier calls that it
/// attends to beside its own; -1 stands for none.
struct Attention {
  static constexpr const char* kName = "attention";
  int heads = 1;
  /// Token i sees keys 0..i only (CLIP's text encoder).
  bool causal = false;
  /// One entry a row of q.
  std::vector<int> kv_rows;
  /// 0: nothing is kept. Otherwise each row has keys and values of its own, as many as queries.
  int slots = 0;

  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  /// Of a row that attends to as many slots as it can.
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// residual + features, where features that resemble one of an earlier call are drawn to it: the
/// feature fusion of StreamV2V (Liang et al. 2024, arXiv 2405.15757, section 3.2). For each token x
/// the token y of the greatest cosine similarity is found among those of the same row in earlier
/// calls. If that is at least the threshold, x becomes (1 - strength) x + strength y.
/// inputs: features [n, h, w, c], residual as these, slots i32 [n, 1, 1, 1 + f] as of Attention,
/// settings f32 [n, 1, 1, 2]: strength and threshold. What is kept are the features as they came.
struct InjectFeatures {
  static constexpr const char* kName = "inject_features";
  int slots = 1;

  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

/// The entries of a row of such an input, at most kMax.
class RowSlots {
 public:
  static constexpr std::size_t kMax = 33;

  /// Entries that name none of `slots` are left out; the first counts as 0 then.
  RowSlots(const std::int32_t* entries, std::int64_t count, int slots) {
    for (std::int64_t i = 0; i < count; ++i) {
      const bool valid = entries[i] >= 0 && entries[i] < slots;
      if (valid || i == 0) slots_[count_++] = valid ? entries[i] : 0;
    }
  }
  /// Where what this call makes is kept.
  int own() const { return slots_[0]; }
  /// Those of earlier calls.
  std::span<const int> earlier() const { return {slots_.data() + 1, count_ - 1}; }
  /// Its own, and those.
  std::span<const int> all() const { return {slots_.data(), count_}; }

 private:
  std::array<int, kMax> slots_{};
  std::size_t count_ = 0;
};

}  // namespace streamdiffusion::graph
