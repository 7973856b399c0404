// One convolution of some lines of an image, made once and run often: most forms of conv2d are
// built of it.
#pragma once

#include <compare>

#include "backend/cpu/onednn/primitive.h"

namespace streamdiffusion::backend::cpu {

struct ConvolutionShape {
  std::int64_t in = 0, out = 0;
  std::int64_t in_lines = 0, in_width = 0, out_lines = 0, out_width = 0;
  std::int64_t kernel = 3, stride = 1;
  std::int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  /// Of the input and the weights.
  tensor::DType from = tensor::DType::f32;
  tensor::DType to = tensor::DType::f32;
  /// f32 [out]
  bool bias = false;
  /// Input in u8 and weights in s8, whatever `from` says.
  bool int8 = false;
  /// Input and output with channels in blocks of eight (conv/blocked.cpp).
  bool nChw8c = false;

  auto operator<=>(const ConvolutionShape&) const = default;
};

/// oneDNN's choice for a shape. weights_desc() tells how it wants the weights packed.
dnnl::convolution_forward::primitive_desc convolution_desc(const ConvolutionShape& shape,
                                                           const dnnl::primitive_attr& attributes);

/// Input and output are given on each run, in this order; then the bias, if the shape has one and
/// `bias` is null.
Primitive make_convolution(const dnnl::convolution_forward::primitive_desc& desc,
                           const void* weights, bool biased, const void* bias, int workers);

}  // namespace streamdiffusion::backend::cpu
