// Vector loops over contiguous channels, compiled for every instruction set and chosen at run time
// (Google Highway). "T" is f32 or bf16 as the dtype argument says. Arithmetic is in f32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "graph/ops/activation.h"
#include "tensor/tensor.h"

namespace streamdiffusion::backend::cpu::simd {

using tensor::DType;

/// Per channel over `pixels` pixels of `c` channels of x [pixels, c]: sum of (x - shift) and of its
/// square. shift, sum, sum_of_squares: f32 [c]; the sums are overwritten.
void shifted_moments(DType dtype, const void* x, std::size_t pixels, std::size_t c,
                     const float* shift, float* sum, float* sum_of_squares);

/// What normalize() does to each channel: three arrays f32 [c].
struct ChannelMap {
  const float* mean;
  const float* scale;
  const float* bias;
};

/// y = (x - mean[c]) * scale[c] + bias[c], then SiLU if asked. x [pixels, c] dense, y with
/// `y_stride` elements from one pixel to the next.
void normalize(DType dtype, const void* x, void* y, std::size_t pixels, std::size_t c,
               std::size_t y_stride, const ChannelMap& map, bool silu);

/// Layer norm of each of `tokens` tokens of `c` channels.
void layer_norm(DType dtype, const void* x, void* y, std::size_t tokens, std::size_t c,
                const float* weight, const float* bias, float eps);

/// A row of online softmax. Raises `row_max` to the largest of the visible scores, makes
/// probabilities[i] = exp(scale * (scores[i] - row_max)) of T for i < visible and 0 up to `keys`,
/// and returns their f32 sum: the caller divides by the sum of all blocks.
float softmax_numerators(DType dtype, const float* scores, void* probabilities, std::size_t visible,
                         std::size_t keys, float scale, float& row_max);

/// Values and gates of T, [tokens, channels] each; strides in elements from one token to the next.
struct GegluTile {
  const void *values, *gates;
  std::size_t stride;
  void* y;
  std::size_t y_stride, tokens, channels;
};

/// y = values * gelu(gates), exact gelu.
void geglu(DType dtype, const GegluTile& tile);

/// y = act(x) over n elements.
void activate(DType dtype, const void* x, void* y, std::size_t n, graph::Activation act);

/// y = a + b over n elements.
void add(DType dtype, const void* a, const void* b, void* y, std::size_t n);

/// y = a + scale * b over n elements.
void add_scaled(DType dtype, const void* a, const void* b, void* y, std::size_t n, float scale);

/// y = scale * x + shift with a change of type; from u8, f32, bf16 to u8 (rounded, saturated), f32,
/// bf16.
void convert(DType from, const void* x, DType to, void* y, std::size_t n, float scale, float shift);

/// One line of a 3 x 3 convolution from or to a few channels.
struct FewChannelLine {
  /// Three input lines, f32 [width + 2, in], the first and last pixel zero.
  const float* x[3];
  const float* weight;
  /// f32 [padded_out].
  const float* bias;
  std::size_t width, in, out, padded_out;
};

/// y of `dtype` [width, out], from a few input channels: weight f32 [3 lines, 3 in, padded_out],
/// padded_out a multiple of two vectors.
void conv_few_in(DType dtype, const FewChannelLine& line, void* y);
/// y f32 [width, out], to at most four output channels: weight f32 [3 lines, 3 columns, out, in],
/// `in` a multiple of a vector.
void conv_few_out(const FewChannelLine& line, float* y);

/// An output tile; smaller at the image's edges.
struct WinogradOutputTile {
  /// Its first pixel.
  void* y = nullptr;
  /// Elements from one line of the image to the next.
  std::size_t line = 0;
  std::size_t lines = 0, columns = 0, channels = 0;
  /// f32 [channels], or none.
  const float* bias = nullptr;
  /// Laid out like y, or none; may be y.
  const void* residual = nullptr;
};

/// B^T d B of an input tile (conv/winograd.h): (tile_side + 2)^2 pixels, each of `dtype`
/// [channels], to as many positions in f32, `position_stride` elements apart. `tile_side` is 4 or
/// 2, channels are a multiple of a vector, here and below.
void winograd_input_transform(DType dtype, std::size_t tile_side, const void* const* pixels,
                              std::size_t channels, float* to, std::size_t position_stride);
/// A^T m A of the matmuls' results at all positions: an output tile of `dtype`, bias and residual
/// added.
void winograd_output_transform(DType dtype, std::size_t tile_side, const float* from,
                               std::size_t position_stride, const WinogradOutputTile& tile);

/// Name of the instruction set in use, e.g. "AVX3_ZEN4".
const char* target_name();

/// Forbids everything above AVX2. Before the first other call.
void cap_to_avx2();

}  // namespace streamdiffusion::backend::cpu::simd
