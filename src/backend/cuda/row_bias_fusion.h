// Row biases that a group norm adds instead of the convolution before it.
//
// cuDNN has no precompiled engine for a convolution with a bias of its own for each row, and a
// kernel that adds it reads and writes the whole image. A group norm reads the image anyway. In the
// UNet every such convolution is read by a group norm alone.
#pragma once

#include <optional>
#include <vector>

#include "backend/host/row_group.h"

namespace streamdiffusion::backend::cuda {

struct RowBiasFusion {
  /// Changes the convolutions whose row bias a group norm can add.
  explicit RowBiasFusion(const host::RowGroup& group);

  /// All ops of the graph, in its order; the changed convolutions have no row bias.
  std::vector<graph::Op> ops;
  /// By op: what a group norm adds to its input.
  std::vector<std::optional<graph::Value>> row_biases;
};

}  // namespace streamdiffusion::backend::cuda
