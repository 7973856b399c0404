// Vector loops of the normalizations.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/simd/norm.cpp"
#include "hwy/foreach_target.h"
// foreach_target must come first
#include "backend/cpu/simd/simd-inl.h"
#include "backend/cpu/simd/simd.h"

HWY_BEFORE_NAMESPACE();
namespace streamdiffusion::backend::cpu::simd {
namespace HWY_NAMESPACE {
namespace {

template <typename T>
HWY_INLINE Vec silu(Vec x) {
  const F32 d;
  return hn::Div(x, hn::Add(hn::Set(d, 1.0F), exp_for<T>(hn::Neg(x))));
}

template <typename T>
void moments_of(const T* x, std::size_t pixels, std::size_t c, const float* shift, float* sum,
                float* squares) {
  const F32 d;
  const auto column = [&](std::size_t i, auto&& read) HWY_ATTR {
    const Vec k = read(shift + i);
    Vec s0 = hn::Zero(d), s1 = s0, q0 = s0, q1 = s0;
    std::size_t p = 0;
    for (; p + 2 <= pixels; p += 2) {
      const Vec a = hn::Sub(read(x + p * c + i), k);
      const Vec b = hn::Sub(read(x + (p + 1) * c + i), k);
      s0 = hn::Add(s0, a);
      s1 = hn::Add(s1, b);
      q0 = hn::MulAdd(a, a, q0);
      q1 = hn::MulAdd(b, b, q1);
    }
    if (p < pixels) {
      const Vec a = hn::Sub(read(x + p * c + i), k);
      s0 = hn::Add(s0, a);
      q0 = hn::MulAdd(a, a, q0);
    }
    return std::pair(hn::Add(s0, s1), hn::Add(q0, q1));
  };
  for_vectors(
      c,
      [&](std::size_t i) HWY_ATTR {
        const auto [s, q] = column(i, [](const auto* from) HWY_ATTR { return load(from); });
        store(s, sum + i);
        store(q, squares + i);
      },
      [&](std::size_t i, std::size_t count) HWY_ATTR {
        const auto [s, q] =
            column(i, [count](const auto* from) HWY_ATTR { return load_first(from, count); });
        store_first(s, sum + i, count);
        store_first(q, squares + i, count);
      });
}

void ShiftedMoments(DType dtype, const void* x, std::size_t pixels, std::size_t c,
                    const float* shift, float* sum, float* squares) {
  with_type(
      dtype,
      [&](const auto* typed, auto*) HWY_ATTR { moments_of(typed, pixels, c, shift, sum, squares); },
      x, nullptr);
}

template <bool kSilu, typename T>
void normalize_of(const T* x, T* y, std::size_t pixels, std::size_t c, std::size_t stride,
                  const ChannelMap& map) {
  const auto value = [](Vec v, Vec mean, Vec scale, Vec bias) HWY_ATTR {
    const Vec r = hn::MulAdd(hn::Sub(v, mean), scale, bias);
    return kSilu ? silu<T>(r) : r;
  };
  for (std::size_t p = 0; p < pixels; ++p, x += c, y += stride) {
    for_vectors(
        c,
        [&](std::size_t i) HWY_ATTR {
          store(value(load(x + i), load(map.mean + i), load(map.scale + i), load(map.bias + i)),
                y + i);
        },
        [&](std::size_t i, std::size_t n) HWY_ATTR {
          store_first(value(load_first(x + i, n), load_first(map.mean + i, n),
                            load_first(map.scale + i, n), load_first(map.bias + i, n)),
                      y + i, n);
        });
  }
}

void Normalize(DType dtype, const void* x, void* y, std::size_t pixels, std::size_t c,
               std::size_t stride, const ChannelMap& map, bool with_silu) {
  with_type(
      dtype,
      [&](const auto* from, auto* to) HWY_ATTR {
        if (with_silu) {
          normalize_of<true>(from, to, pixels, c, stride, map);
        } else {
          normalize_of<false>(from, to, pixels, c, stride, map);
        }
      },
      x, y);
}

template <typename T>
void layer_norm_of(const T* x, T* y, std::size_t tokens, std::size_t c, const float* weight,
                   const float* bias, float eps) {
  const F32 d;
  const float inverse = 1.0F / static_cast<float>(c);
  for (std::size_t t = 0; t < tokens; ++t, x += c, y += c) {
    Vec total = hn::Zero(d);
    for_vectors(
        c, [&](std::size_t i) HWY_ATTR { total = hn::Add(total, load(x + i)); },
        [&](std::size_t i, std::size_t n)
            HWY_ATTR { total = hn::Add(total, load_first(x + i, n)); });
    const Vec mean = hn::Mul(hn::SumOfLanes(d, total), hn::Set(d, inverse));
    Vec squares = hn::Zero(d);
    for_vectors(
        c,
        [&](std::size_t i) HWY_ATTR {
          const Vec v = hn::Sub(load(x + i), mean);
          squares = hn::MulAdd(v, v, squares);
        },
        [&](std::size_t i, std::size_t n) HWY_ATTR {
          const Vec v = hn::IfThenElseZero(hn::FirstN(d, n), hn::Sub(load_first(x + i, n), mean));
          squares = hn::MulAdd(v, v, squares);
        });
    const Vec variance = hn::Mul(hn::SumOfLanes(d, squares), hn::Set(d, inverse));
    const Vec rstd = hn::Div(hn::Set(d, 1.0F), hn::Sqrt(hn::Add(variance, hn::Set(d, eps))));
    const auto value = [&](Vec v, Vec w, Vec b)
                           HWY_ATTR { return hn::MulAdd(hn::Mul(hn::Sub(v, mean), rstd), w, b); };
    for_vectors(
        c,
        [&](std::size_t i)
            HWY_ATTR { store(value(load(x + i), load(weight + i), load(bias + i)), y + i); },
        [&](std::size_t i, std::size_t n) HWY_ATTR {
          store_first(
              value(load_first(x + i, n), load_first(weight + i, n), load_first(bias + i, n)),
              y + i, n);
        });
  }
}

void LayerNorm(DType dtype, const void* x, void* y, std::size_t tokens, std::size_t c,
               const float* weight, const float* bias, float eps) {
  with_type(
      dtype,
      [&](const auto* from, auto* to)
          HWY_ATTR { layer_norm_of(from, to, tokens, c, weight, bias, eps); },
      x, y);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace streamdiffusion::backend::cpu::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace streamdiffusion::backend::cpu::simd {

HWY_EXPORT(ShiftedMoments);
HWY_EXPORT(Normalize);
HWY_EXPORT(LayerNorm);

void shifted_moments(DType dtype, const void* x, std::size_t pixels, std::size_t c,
                     const float* shift, float* sum, float* sum_of_squares) {
  HWY_DYNAMIC_DISPATCH(ShiftedMoments)(dtype, x, pixels, c, shift, sum, sum_of_squares);
}

void normalize(DType dtype, const void* x, void* y, std::size_t pixels, std::size_t c,
               std::size_t y_stride, const ChannelMap& map, bool silu) {
  HWY_DYNAMIC_DISPATCH(Normalize)(dtype, x, y, pixels, c, y_stride, map, silu);
}

void layer_norm(DType dtype, const void* x, void* y, std::size_t tokens, std::size_t c,
                const float* weight, const float* bias, float eps) {
  HWY_DYNAMIC_DISPATCH(LayerNorm)(dtype, x, y, tokens, c, weight, bias, eps);
}

}  // namespace streamdiffusion::backend::cpu::simd
#endif
