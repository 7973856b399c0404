// The input and output transforms of Winograd convolution (conv/winograd.h), in f32 whatever the
// type of the pixels.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/simd/winograd.cpp"
#include "hwy/foreach_target.h"
// foreach_target must come first
#include "backend/cpu/simd/simd-inl.h"
#include "backend/cpu/simd/simd.h"

HWY_BEFORE_NAMESPACE();
namespace streamdiffusion::backend::cpu::simd {
namespace HWY_NAMESPACE {
namespace {

/// B^T x: one line or column of an input tile. Sums that two rows share are made once.
HWY_INLINE void input_transform(const Vec (&x)[6], Vec (&y)[6]) {
  const F32 d;
  const Vec two = hn::Set(d, 2.0F), four = hn::Set(d, 4.0F), five = hn::Set(d, 5.0F);
  const Vec even = hn::NegMulAdd(four, x[2], x[4]), odd = hn::NegMulAdd(four, x[1], x[3]);
  const Vec inner = hn::Sub(x[4], x[2]), twice = hn::Mul(two, hn::Sub(x[3], x[1]));
  y[0] = hn::MulAdd(four, x[0], hn::NegMulAdd(five, x[2], x[4]));
  y[1] = hn::Add(even, odd);
  y[2] = hn::Sub(even, odd);
  y[3] = hn::Add(inner, twice);
  y[4] = hn::Sub(inner, twice);
  y[5] = hn::MulAdd(four, x[1], hn::NegMulAdd(five, x[3], x[5]));
}

HWY_INLINE void input_transform(const Vec (&x)[4], Vec (&y)[4]) {
  y[0] = hn::Sub(x[0], x[2]);
  y[1] = hn::Add(x[1], x[2]);
  y[2] = hn::Sub(x[2], x[1]);
  y[3] = hn::Sub(x[3], x[1]);
}

/// A^T x: one line or column of an output tile.
HWY_INLINE void output_transform(const Vec (&x)[6], Vec (&y)[4]) {
  const F32 d;
  const Vec near = hn::Add(x[1], x[2]), near_odd = hn::Sub(x[1], x[2]);
  const Vec far = hn::Add(x[3], x[4]), far_odd = hn::Sub(x[3], x[4]);
  y[0] = hn::Add(x[0], hn::Add(near, far));
  y[1] = hn::MulAdd(hn::Set(d, 2.0F), far_odd, near_odd);
  y[2] = hn::MulAdd(hn::Set(d, 4.0F), far, near);
  y[3] = hn::Add(x[5], hn::MulAdd(hn::Set(d, 8.0F), far_odd, near_odd));
}

HWY_INLINE void output_transform(const Vec (&x)[4], Vec (&y)[2]) {
  y[0] = hn::Add(x[0], hn::Add(x[1], x[2]));
  y[1] = hn::Add(hn::Sub(x[1], x[2]), x[3]);
}

template <class T, std::size_t kTile>
void transform_input_tile(const void* const* pixels, std::size_t channels, float* to,
                          std::size_t position_stride) {
  constexpr std::size_t kInputTile = kTile + 2;
  const std::size_t lanes = hn::Lanes(F32());
  for (std::size_t c = 0; c < channels; c += lanes) {
    Vec columns[kInputTile][kInputTile];
    for (std::size_t j = 0; j < kInputTile; ++j) {
      Vec x[kInputTile], y[kInputTile];
      for (std::size_t i = 0; i < kInputTile; ++i)
        x[i] = load(static_cast<const T*>(pixels[i * kInputTile + j]) + c);
      input_transform(x, y);
      for (std::size_t i = 0; i < kInputTile; ++i) columns[i][j] = y[i];
    }
    float* at = to + c;
    for (std::size_t i = 0; i < kInputTile; ++i) {
      Vec y[kInputTile];
      input_transform(columns[i], y);
      for (std::size_t j = 0; j < kInputTile; ++j, at += position_stride) store(y[j], at);
    }
  }
}

template <class T, std::size_t kTile>
void transform_output_tile(const float* from, std::size_t position_stride,
                           const WinogradOutputTile& tile) {
  constexpr std::size_t kInputTile = kTile + 2;
  const F32 d;
  auto* to = static_cast<T*>(tile.y);
  const auto* residual = static_cast<const T*>(tile.residual);
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t c = 0; c < tile.channels; c += lanes) {
    Vec lines[kTile][kInputTile];
    for (std::size_t j = 0; j < kInputTile; ++j) {
      Vec x[kInputTile], y[kTile];
      for (std::size_t i = 0; i < kInputTile; ++i)
        x[i] = load(from + (i * kInputTile + j) * position_stride + c);
      output_transform(x, y);
      for (std::size_t i = 0; i < kTile; ++i) lines[i][j] = y[i];
    }
    const Vec bias = tile.bias ? load(tile.bias + c) : hn::Zero(d);
    for (std::size_t i = 0; i < tile.lines; ++i) {
      Vec y[kTile];
      output_transform(lines[i], y);
      for (std::size_t j = 0; j < tile.columns; ++j) {
        const std::size_t at = i * tile.line + j * tile.channels + c;
        const Vec sum = hn::Add(y[j], bias);
        store(residual ? hn::Add(sum, load(residual + at)) : sum, to + at);
      }
    }
  }
}

void WinogradInputTransform(DType dtype, std::size_t tile_side, const void* const* pixels,
                            std::size_t channels, float* to, std::size_t position_stride) {
  const bool f32 = dtype == DType::f32;
  const auto four = f32 ? transform_input_tile<float, 4> : transform_input_tile<Bf16, 4>;
  const auto two = f32 ? transform_input_tile<float, 2> : transform_input_tile<Bf16, 2>;
  (tile_side == 4 ? four : two)(pixels, channels, to, position_stride);
}

void WinogradOutputTransform(DType dtype, std::size_t tile_side, const float* from,
                             std::size_t position_stride, const WinogradOutputTile& tile) {
  const bool f32 = dtype == DType::f32;
  const auto four = f32 ? transform_output_tile<float, 4> : transform_output_tile<Bf16, 4>;
  const auto two = f32 ? transform_output_tile<float, 2> : transform_output_tile<Bf16, 2>;
  (tile_side == 4 ? four : two)(from, position_stride, tile);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace streamdiffusion::backend::cpu::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace streamdiffusion::backend::cpu::simd {

HWY_EXPORT(WinogradInputTransform);
HWY_EXPORT(WinogradOutputTransform);

void winograd_input_transform(DType dtype, std::size_t tile_side, const void* const* pixels,
                              std::size_t channels, float* to, std::size_t position_stride) {
  HWY_DYNAMIC_DISPATCH(WinogradInputTransform)
  (dtype, tile_side, pixels, channels, to, position_stride);
}

void winograd_output_transform(DType dtype, std::size_t tile_side, const float* from,
                               std::size_t position_stride, const WinogradOutputTile& tile) {
  HWY_DYNAMIC_DISPATCH(WinogradOutputTransform)(dtype, tile_side, from, position_stride, tile);
}

}  // namespace streamdiffusion::backend::cpu::simd
#endif
