// Tensors and operations of cuDNN's graph API.
#pragma once

#include "backend/cuda/cudnn/descriptor.h"

namespace streamdiffusion::backend::cuda {

/// What a tensor descriptor holds. Dimensions and strides in elements.
struct TensorLayout {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::vector<std::int64_t> dims, strides;
  std::int64_t id = 0;
  /// Lives between two operations of the graph, in no memory.
  bool is_virtual = false;
  /// A number given with the call, not in device memory.
  bool by_value = false;
};
Descriptor tensor_descriptor(const TensorLayout& layout);

/// [n, h, w, c] in memory, which cuDNN writes as dims n, c, h, w.
TensorLayout nhwc(cudnnDataType_t type, const tensor::Shape& shape, std::int64_t id);

/// y = mode(x, b); without b if it is null.
Descriptor pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor* b,
                     const Descriptor& y);

}  // namespace streamdiffusion::backend::cuda
