// Vector loops with exponentials: softmax, GEGLU, activations; and plain elementwise ones.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/simd/math.cpp"
#include "hwy/foreach_target.h"
// foreach_target must come first
#include <algorithm>

#include "backend/cpu/simd/simd-inl.h"
#include "backend/cpu/simd/simd.h"

HWY_BEFORE_NAMESPACE();
namespace streamdiffusion::backend::cpu::simd {
namespace HWY_NAMESPACE {
namespace {

using graph::Activation;

template <typename T>
HWY_INLINE Vec sigmoid(Vec x) {
  const F32 d;
  return hn::Div(hn::Set(d, 1.0F), hn::Add(hn::Set(d, 1.0F), exp_for<T>(hn::Neg(x))));
}

/// erf by Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7.
template <typename T>
HWY_INLINE Vec erf(Vec x) {
  const F32 d;
  const Vec a = hn::Abs(x);
  const Vec t = hn::Div(hn::Set(d, 1.0F), hn::MulAdd(hn::Set(d, 0.3275911F), a, hn::Set(d, 1.0F)));
  Vec p = hn::MulAdd(hn::Set(d, 1.061405429F), t, hn::Set(d, -1.453152027F));
  p = hn::MulAdd(p, t, hn::Set(d, 1.421413741F));
  p = hn::MulAdd(p, t, hn::Set(d, -0.284496736F));
  p = hn::MulAdd(p, t, hn::Set(d, 0.254829592F));
  const Vec tail = hn::Mul(hn::Mul(p, t), exp_for<T>(hn::Neg(hn::Mul(a, a))));
  return hn::CopySign(hn::Sub(hn::Set(d, 1.0F), tail), x);
}

template <typename T>
HWY_INLINE Vec gelu(Vec x) {
  const F32 d;
  const Vec half = hn::Mul(hn::Set(d, 0.5F), x);
  return hn::MulAdd(half, erf<T>(hn::Mul(x, hn::Set(d, 0.70710678F))), half);
}

/// Not hn::Tanh, which divides two differences and loses digits near zero: 1 - 2 / (exp(2x) + 1)
/// with the odd series below 0.1.
HWY_INLINE Vec tanh(Vec x) {
  const F32 d;
  const Vec a = hn::Abs(x), one = hn::Set(d, 1.0F);
  const Vec x2 = hn::Mul(x, x);
  Vec series = hn::MulAdd(x2, hn::Set(d, -17.0F / 315.0F), hn::Set(d, 2.0F / 15.0F));
  series = hn::MulAdd(series, x2, hn::Set(d, -1.0F / 3.0F));
  series = hn::MulAdd(hn::Mul(series, x2), x, x);
  const Vec e = hn::Exp(d, hn::Min(hn::Add(a, a), hn::Set(d, 30.0F)));
  const Vec large = hn::Sub(one, hn::Div(hn::Set(d, 2.0F), hn::Add(e, one)));
  return hn::IfThenElse(hn::Lt(a, hn::Set(d, 0.1F)), series, hn::CopySign(large, x));
}

HWY_INLINE void store_truncated(Vec v, float* to) {
  store(v, to);
}

HWY_INLINE void store_truncated(Vec v, Bf16* to) {
  hn::StoreU(hn::TruncateTo(U16(), hn::ShiftRight<16>(hn::BitCast(U32(), v))), U16(), to);
}

HWY_INLINE Vec numerator(Vec x, const float*) {
  return exp2_for<float>(x);
}

/// Truncated to bf16, so that the sum is of exactly the values that are stored.
HWY_INLINE Vec numerator(Vec x, const Bf16*) {
  const auto bits = hn::BitCast(U32(), exp2_for<Bf16>(x));
  return hn::BitCast(F32(), hn::And(bits, hn::Set(U32(), 0xffff0000U)));
}

/// The largest of n scores and `row_max`, by four running maxima: one takes as long as four loads.
HWY_INLINE float max_of(const float* scores, std::size_t n, float row_max) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d);
  Vec a = hn::Set(d, row_max), b = a, c = a, e = a;
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = hn::Max(a, load(scores + i));
    b = hn::Max(b, load(scores + i + lanes));
    c = hn::Max(c, load(scores + i + 2 * lanes));
    e = hn::Max(e, load(scores + i + 3 * lanes));
  }
  a = hn::Max(hn::Max(a, b), hn::Max(c, e));
  scores += i;
  for_vectors(
      n - i, [&](std::size_t j) HWY_ATTR { a = hn::Max(a, load(scores + j)); },
      [&](std::size_t j, std::size_t count) HWY_ATTR {
        a = hn::IfThenElse(hn::FirstN(d, count), hn::Max(a, load_first(scores + j, count)), a);
      });
  return hn::GetLane(hn::MaxOfLanes(d, a));
}

template <typename T>
float softmax_numerators_of(const float* scores, T* out, std::size_t visible, std::size_t keys,
                            float scale, float& row_max) {
  const F32 d;
  row_max = max_of(scores, visible, row_max);
  // exp(scale * (s - max)) = 2^(factor * s + offset)
  constexpr float kLog2E = 1.44269504F;
  const Vec factor = hn::Set(d, scale * kLog2E);
  const Vec offset = hn::Neg(hn::Mul(hn::Set(d, row_max), factor));
  Vec total = hn::Zero(d);
  for_vectors(
      visible,
      [&](std::size_t i) HWY_ATTR {
        const Vec e = numerator(hn::MulAdd(load(scores + i), factor, offset), out);
        total = hn::Add(total, e);
        store_truncated(e, out + i);
      },
      [&](std::size_t i, std::size_t n) HWY_ATTR {
        const Vec e = hn::IfThenElseZero(
            hn::FirstN(d, n),
            numerator(hn::MulAdd(load_first(scores + i, n), factor, offset), out));
        total = hn::Add(total, e);
        store_first(e, out + i, n);
      });
  std::fill(out + visible, out + keys, T{0});
  return hn::GetLane(hn::SumOfLanes(d, total));
}

float SoftmaxNumerators(DType dtype, const float* scores, void* out, std::size_t visible,
                        std::size_t keys, float scale, float& row_max) {
  return with_type(
      dtype,
      [&](const auto*, auto* typed)
          HWY_ATTR { return softmax_numerators_of(scores, typed, visible, keys, scale, row_max); },
      nullptr, out);
}

template <typename T>
void geglu_of(const GegluTile& tile, const T* values, T* y) {
  const T* gates = static_cast<const T*>(tile.gates);
  for (std::size_t t = 0; t < tile.tokens; ++t) {
    for_vectors(
        tile.channels,
        [&](std::size_t i)
            HWY_ATTR { store(hn::Mul(load(values + i), gelu<T>(load(gates + i))), y + i); },
        [&](std::size_t i, std::size_t n) HWY_ATTR {
          const Vec gate = gelu<T>(load_first(gates + i, n));
          store_first(hn::Mul(load_first(values + i, n), gate), y + i, n);
        });
    values += tile.stride;
    gates += tile.stride;
    y += tile.y_stride;
  }
}

void Geglu(DType dtype, const GegluTile& tile) {
  with_type(
      dtype, [&](const auto* values, auto* y) HWY_ATTR { geglu_of(tile, values, y); }, tile.values,
      tile.y);
}

template <typename T>
void activate_of(const T* x, T* y, std::size_t n, Activation act) {
  const F32 d;
  switch (act) {
    case Activation::none:
      return map(x, y, n, [](Vec v) HWY_ATTR { return v; });
    case Activation::relu:
      return map(x, y, n, [](Vec v) HWY_ATTR { return hn::Max(v, hn::Zero(F32())); });
    case Activation::silu:
      return map(x, y, n, [](Vec v) HWY_ATTR { return hn::Mul(v, sigmoid<T>(v)); });
    case Activation::gelu:
      return map(x, y, n, [](Vec v) HWY_ATTR { return gelu<T>(v); });
    case Activation::quick_gelu:
      return map(x, y, n, [d](Vec v) HWY_ATTR {
        return hn::Mul(v, sigmoid<T>(hn::Mul(v, hn::Set(d, 1.702F))));
      });
    case Activation::tanh3:
      return map(x, y, n, [d](Vec v) HWY_ATTR {
        return hn::Mul(hn::Set(d, 3.0F), tanh(hn::Mul(v, hn::Set(d, 1.0F / 3.0F))));
      });
  }
}

void Activate(DType dtype, const void* x, void* y, std::size_t n, Activation act) {
  with_type(
      dtype, [&](const auto* from, auto* to) HWY_ATTR { activate_of(from, to, n, act); }, x, y);
}

void Sum(DType dtype, const void* a, const void* b, void* y, std::size_t n) {
  with_type(
      dtype,
      [&](const auto* first, auto* to) HWY_ATTR {
        const auto* second = static_cast<decltype(first)>(b);
        for_vectors(
            n,
            [&](std::size_t i)
                HWY_ATTR { store(hn::Add(load(first + i), load(second + i)), to + i); },
            [&](std::size_t i, std::size_t count) HWY_ATTR {
              store_first(hn::Add(load_first(first + i, count), load_first(second + i, count)),
                          to + i, count);
            });
      },
      a, y);
}

void ScaledSum(DType dtype, const void* a, const void* b, void* y, std::size_t n, float scale) {
  const Vec s = hn::Set(hn::ScalableTag<float>(), scale);
  with_type(
      dtype,
      [&](const auto* first, auto* to) HWY_ATTR {
        const auto* second = static_cast<decltype(first)>(b);
        for_vectors(
            n,
            [&](std::size_t i)
                HWY_ATTR { store(hn::MulAdd(s, load(second + i), load(first + i)), to + i); },
            [&](std::size_t i, std::size_t count) HWY_ATTR {
              const Vec sum =
                  hn::MulAdd(s, load_first(second + i, count), load_first(first + i, count));
              store_first(sum, to + i, count);
            });
      },
      a, y);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace streamdiffusion::backend::cpu::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace streamdiffusion::backend::cpu::simd {

HWY_EXPORT(SoftmaxNumerators);
HWY_EXPORT(Geglu);
HWY_EXPORT(Activate);
HWY_EXPORT(Sum);
HWY_EXPORT(ScaledSum);

float softmax_numerators(DType dtype, const float* scores, void* probabilities, std::size_t visible,
                         std::size_t keys, float scale, float& row_max) {
  return HWY_DYNAMIC_DISPATCH(SoftmaxNumerators)(dtype, scores, probabilities, visible, keys, scale,
                                                 row_max);
}

void geglu(DType dtype, const GegluTile& tile) {
  HWY_DYNAMIC_DISPATCH(Geglu)(dtype, tile);
}

void activate(DType dtype, const void* x, void* y, std::size_t n, graph::Activation act) {
  HWY_DYNAMIC_DISPATCH(Activate)(dtype, x, y, n, act);
}

void add(DType dtype, const void* a, const void* b, void* y, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(Sum)(dtype, a, b, y, n);
}

void add_scaled(DType dtype, const void* a, const void* b, void* y, std::size_t n, float scale) {
  HWY_DYNAMIC_DISPATCH(ScaledSum)(dtype, a, b, y, n, scale);
}

}  // namespace streamdiffusion::backend::cpu::simd
#endif
