#include "backend/cpu/onednn/matmul.h"

#include <string_view>

namespace streamdiffusion::backend::cpu {

using dnnl::memory;

dnnl::matmul::primitive_desc matmul_desc(const MatmulShape& shape,
                                         const dnnl::primitive_attr& attributes,
                                         const std::optional<memory::desc>& packed) {
  const auto tag = memory::format_tag::ab;
  const auto x_type = shape.int8 ? memory::data_type::u8 : dnnl_type(shape.from);
  const auto w_type = shape.int8 ? memory::data_type::s8 : dnnl_type(shape.from);
  const memory::desc x({shape.m, shape.k}, x_type, tag);
  const memory::desc weights =
      packed ? *packed : memory::desc({shape.k, shape.n}, w_type, memory::format_tag::any);
  const memory::desc y({shape.m, shape.n}, dnnl_type(shape.to), tag);
  if (!shape.bias) return {dnnl::matmul::desc(x, weights, y), attributes, dnnl_engine()};
  const memory::desc bias({1, shape.n}, memory::data_type::f32, tag);
  return {dnnl::matmul::desc(x, weights, bias, y), attributes, dnnl_engine()};
}

bool packs_on_each_run(const dnnl::matmul::primitive_desc& desc) {
  return std::string_view(desc.impl_info_str()).find("gemm") != std::string_view::npos;
}

Tokens tokens_of(std::int64_t rows, std::int64_t a_row, const dnnl::matmul::primitive_desc& desc,
                 const KernelContext& context) {
  if (packs_on_each_run(desc)) return {rows, a_row, context.team};
  return {1, rows * a_row, context.workers};
}

Primitive make_matmul(const dnnl::matmul::primitive_desc& desc, const void* weights,
                      const void* bias, int workers) {
  std::vector<Primitive::Argument> arguments{{DNNL_ARG_SRC, desc.src_desc()},
                                             {DNNL_ARG_WEIGHTS, desc.weights_desc(), weights},
                                             {DNNL_ARG_DST, desc.dst_desc()}};
  if (bias != nullptr) arguments.push_back({DNNL_ARG_BIAS, desc.bias_desc(), bias});
  return {dnnl::matmul(desc), desc.scratchpad_desc(), arguments, workers};
}

Primitive make_packing(const MatmulShape& shape, std::int64_t k_stride, std::int64_t n_stride,
                       const memory::desc& packed, int workers) {
  const memory::desc from({shape.k, shape.n}, dnnl_type(shape.from),
                          memory::dims{k_stride, n_stride});
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::reorder::primitive_desc desc(dnnl_engine(), from, dnnl_engine(), packed, attributes);
  return {dnnl::reorder(desc),
          desc.scratchpad_desc(),
          {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, packed}},
          workers};
}

}  // namespace streamdiffusion::backend::cpu
