// One matmul y = x W, made once and run often: linear layers, attention and Winograd convolution
// are built of it.
#pragma once

#include <optional>

#include "backend/cpu/onednn/primitive.h"
#include "backend/cpu/share.h"

namespace streamdiffusion::backend::cpu {

struct MatmulShape {
  std::int64_t m = 0, k = 0, n = 0;
  /// Of x and W.
  tensor::DType from = tensor::DType::f32;
  tensor::DType to = tensor::DType::f32;
  /// f32 [n]
  bool bias = false;
  /// x in u8 and W in s8, whatever `from` says.
  bool int8 = false;
};

/// oneDNN's choice for a shape. weights_desc() tells how it wants W packed, unless `packed` already
/// says so.
dnnl::matmul::primitive_desc matmul_desc(const MatmulShape& shape,
                                         const dnnl::primitive_attr& attributes,
                                         const std::optional<dnnl::memory::desc>& packed = {});

/// Whether oneDNN packs x and W anew on each run, as its GEMM below AVX512 does. Such matmuls
/// should be large on all sides.
bool packs_on_each_run(const dnnl::matmul::primitive_desc& desc);

/// The tokens of some rows as such a matmul may take them. In that GEMM the bits of a token depend
/// on how many there are and on its place among them, so that each row is cut alike, in any call
/// and in any row group. Others take all as those of one row, a part for each worker.
Tokens tokens_of(std::int64_t rows, std::int64_t a_row, const dnnl::matmul::primitive_desc& desc,
                 const KernelContext& context);

/// x and y are given on each run, in this order; W too, between them, unless `weights` is fixed.
Primitive make_matmul(const dnnl::matmul::primitive_desc& desc, const void* weights,
                      const void* bias, int workers);

/// Copies W, element (k, n) at k * k_stride + n * n_stride, into the layout `packed`. Source and
/// destination are given on each run.
Primitive make_packing(const MatmulShape& shape, std::int64_t k_stride, std::int64_t n_stride,
                       const dnnl::memory::desc& packed, int workers);

}  // namespace streamdiffusion::backend::cpu
