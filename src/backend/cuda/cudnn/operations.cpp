#include "backend/cuda/cudnn/operations.h"

namespace streamdiffusion::backend::cuda {

Descriptor tensor_descriptor(const TensorLayout& layout) {
  constexpr std::int64_t kAlignment = 16;
  Descriptor descriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  descriptor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, layout.type);
  descriptor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::span<const std::int64_t>(layout.dims));
  descriptor.set(CUDNN_ATTR_TENSOR_STRIDES, std::span<const std::int64_t>(layout.strides));
  descriptor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, layout.id);
  descriptor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, kAlignment);
  descriptor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, layout.is_virtual);
  descriptor.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, layout.by_value);
  descriptor.finalize();
  return descriptor;
}

TensorLayout nhwc(cudnnDataType_t type, const tensor::Shape& shape, std::int64_t id) {
  return {.type = type,
          .dims = {shape.n, shape.c, shape.h, shape.w},
          .strides = {shape.row_elements(), 1, shape.w * shape.c, shape.c},
          .id = id};
}

Descriptor pointwise(cudnnPointwiseMode_t mode, const Descriptor& x, const Descriptor* b,
                     const Descriptor& y) {
  Descriptor options(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  options.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
  options.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  options.finalize();
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, options);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (b != nullptr) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  operation.finalize();
  return operation;
}

}  // namespace streamdiffusion::backend::cuda
