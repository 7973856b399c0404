// Multi-head scaled dot-product attention.
#pragma once

#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace streamdiffusion::graph {

/// out = softmax(q k^T / sqrt(head size)) v for each head; softmax in f32.
/// inputs: q [n, h, w, c], k [m, keys, 1, c], v [m, keys, 1, c]. Row i of q attends to row
/// kv_rows[i] of k and v, so that rows that share a prompt share its keys and values.
struct Attention {
  static constexpr const char* kName = "attention";
  int heads = 1;
  /// Token i sees keys 0..i only (CLIP's text encoder).
  bool causal = false;
  /// One entry a row of q.
  std::vector<int> kv_rows;

  tensor::Shape infer(std::span<const tensor::Shape> x) const;
  double flops(std::span<const tensor::Shape> x, const tensor::Shape& y) const;
};

}  // namespace streamdiffusion::graph
