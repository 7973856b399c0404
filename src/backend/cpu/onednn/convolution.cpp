#include "backend/cpu/onednn/convolution.h"

namespace streamdiffusion::backend::cpu {

using dnnl::memory;

dnnl::convolution_forward::primitive_desc convolution_desc(const ConvolutionShape& s,
                                                           const dnnl::primitive_attr& attributes) {
  const auto tag = s.nChw8c ? memory::format_tag::nChw8c : memory::format_tag::nhwc;
  const auto x_type = s.int8 ? memory::data_type::u8 : dnnl_type(s.from);
  const auto w_type = s.int8 ? memory::data_type::s8 : dnnl_type(s.from);
  const memory::desc x({1, s.in, s.in_lines, s.in_width}, x_type, tag);
  const memory::desc y({1, s.out, s.out_lines, s.out_width}, dnnl_type(s.to), tag);
  const memory::desc weights({s.out, s.in, s.kernel, s.kernel}, w_type, memory::format_tag::any);
  const memory::desc bias =
      s.bias ? memory::desc({s.out}, memory::data_type::f32, memory::format_tag::x)
             : memory::desc();
  const dnnl::convolution_forward::desc desc(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, x, weights, bias, y,
      {s.stride, s.stride}, {s.pad_top, s.pad_left}, {s.pad_bottom, s.pad_right});
  return {desc, attributes, dnnl_engine()};
}

Primitive make_convolution(const dnnl::convolution_forward::primitive_desc& desc,
                           const void* weights, bool biased, const void* bias, int workers) {
  std::vector<Primitive::Argument> arguments{{DNNL_ARG_SRC, desc.src_desc()},
                                             {DNNL_ARG_DST, desc.dst_desc()},
                                             {DNNL_ARG_WEIGHTS, desc.weights_desc(), weights}};
  if (biased) arguments.push_back({DNNL_ARG_BIAS, desc.bias_desc(), bias});
  return {dnnl::convolution_forward(desc), desc.scratchpad_desc(), arguments, workers};
}

}  // namespace streamdiffusion::backend::cpu
