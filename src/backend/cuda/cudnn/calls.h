// Calls of cuDNN on a card, with plans that are made once.
#pragma once

#include "backend/cuda/cudnn/plan.h"
#include "backend/cuda/libraries.h"

namespace streamdiffusion::backend::cuda {

/// cuDNN on one stream.
class Cudnn {
 public:
  /// Throws what cudnn_library() does, and internal if cuDNN does not accept the card.
  explicit Cudnn(Stream stream);
  ~Cudnn();
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;

  std::unique_ptr<Convolution> convolution(const graph::Conv2d& op, const tensor::Shape& x,
                                           const tensor::Shape& y, tensor::DType dtype);
  /// Null if cuDNN does not take the shape.
  std::unique_ptr<AttentionCall> attention(const AttentionShape& shape);

 private:
  cudnnHandle_t handle_ = nullptr;
};

}  // namespace streamdiffusion::backend::cuda
