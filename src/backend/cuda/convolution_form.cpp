#include "backend/cuda/convolution_form.h"

namespace streamdiffusion::backend::cuda {

ConvolutionForm convolution_form(const graph::Conv2d& op, tensor::DType dtype) {
  constexpr std::int64_t kMultiple = 8;
  ConvolutionForm form;
  form.in = dtype == tensor::DType::f32 ? op.in : (op.in + kMultiple - 1) / kMultiple * kMultiple;
  form.transposed = op.upsample2x;
  const bool activated = op.act != graph::Activation::none;
  if (form.transposed || op.row_bias) {
    form.add_bias = op.bias || op.row_bias || op.residual || activated;
    return form;
  }
  form.bias = op.bias;
  form.residual = op.residual;
  form.relu = op.act == graph::Activation::relu;
  form.add_bias = activated && !form.relu;
  return form;
}

}  // namespace streamdiffusion::backend::cuda
