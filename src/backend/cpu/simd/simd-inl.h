// Loads and stores that read f32, bf16 or u8 as f32 vectors. Included once per target by the
// simd_*.cpp files.
#if defined(SD_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SD_SIMD_INL_H
#undef SD_SIMD_INL_H
#else
#define SD_SIMD_INL_H
#endif

#include <cstdint>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace streamdiffusion::backend::cpu::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using U32 = hn::RebindToUnsigned<F32>;
using U16 = hn::Rebind<std::uint16_t, F32>;
using Vec = hn::Vec<F32>;

using I32 = hn::RebindToSigned<F32>;
using U8 = hn::Rebind<std::uint8_t, F32>;

/// bf16 is kept as its bits.
using Bf16 = std::uint16_t;

HWY_INLINE Vec load(const float* from) {
  return hn::LoadU(F32(), from);
}

HWY_INLINE Vec load(const Bf16* from) {
  return hn::BitCast(F32(), hn::ShiftLeft<16>(hn::PromoteTo(U32(), hn::LoadU(U16(), from))));
}

HWY_INLINE void store(Vec v, float* to) {
  hn::StoreU(v, F32(), to);
}

/// Rounded to nearest even.
HWY_INLINE void store(Vec v, Bf16* to) {
  const auto bits = hn::BitCast(U32(), v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(U32(), 1));
  const auto rounded = hn::Add(hn::Add(bits, hn::Set(U32(), 0x7fff)), odd);
  hn::StoreU(hn::TruncateTo(U16(), hn::ShiftRight<16>(rounded)), U16(), to);
}

HWY_INLINE Vec load(const std::uint8_t* from) {
  return hn::ConvertTo(F32(), hn::BitCast(I32(), hn::PromoteTo(U32(), hn::LoadU(U8(), from))));
}

HWY_INLINE void store(Vec v, std::uint8_t* to) {
  const F32 d;
  const Vec clamped = hn::Min(hn::Max(v, hn::Zero(d)),
                              hn::Set(d, 255.0F));  // NaN becomes 0: Max returns its second
  hn::StoreU(hn::DemoteTo(U8(), hn::NearestInt(clamped)), U8(), to);
}

HWY_INLINE Vec load_first(const float* from, std::size_t count) {
  return hn::MaskedLoad(hn::FirstN(F32(), count), F32(), from);
}

HWY_INLINE Vec load_first(const Bf16* from, std::size_t count) {
  HWY_ALIGN Bf16 lanes[hn::MaxLanes(F32())] = {};
  for (std::size_t i = 0; i < count; ++i) lanes[i] = from[i];
  return load(lanes);
}

HWY_INLINE void store_first(Vec v, float* to, std::size_t count) {
  hn::BlendedStore(v, hn::FirstN(F32(), count), F32(), to);
}

HWY_INLINE void store_first(Vec v, Bf16* to, std::size_t count) {
  HWY_ALIGN Bf16 lanes[hn::MaxLanes(F32())];
  store(v, lanes);
  for (std::size_t i = 0; i < count; ++i) to[i] = lanes[i];
}

HWY_INLINE Vec load_first(const std::uint8_t* from, std::size_t count) {
  HWY_ALIGN std::uint8_t lanes[hn::MaxLanes(F32())] = {};
  for (std::size_t i = 0; i < count; ++i) lanes[i] = from[i];
  return load(lanes);
}

HWY_INLINE void store_first(Vec v, std::uint8_t* to, std::size_t count) {
  HWY_ALIGN std::uint8_t lanes[hn::MaxLanes(F32())];
  store(v, lanes);
  for (std::size_t i = 0; i < count; ++i) to[i] = lanes[i];
}

/// 2^x = 2^n 2^r with n an integer and r in -0.5..0.5: a polynomial for 2^r, highest power first,
/// and n added to the exponent bits. For x in -126..126; lower ones count as -126. NaN stays NaN,
/// because Max and Min return their second argument.
template <std::size_t kTerms>
HWY_INLINE Vec exp2_by(const float (&terms)[kTerms], Vec x) {
  const F32 d;
  const U32 bits;
  const Vec clamped = hn::Max(hn::Set(d, -126.0F), x);
  // Adding 1.5 * 2^23 rounds: the low bits of the sum are the integer n.
  const Vec magic = hn::Set(d, 12582912.0F);
  const Vec shifted = hn::Add(clamped, magic);
  const Vec rest = hn::Sub(clamped, hn::Sub(shifted, magic));
  Vec p = hn::Set(d, terms[0]);
  for (std::size_t i = 1; i < kTerms; ++i) p = hn::MulAdd(p, rest, hn::Set(d, terms[i]));
  return hn::BitCast(d,
                     hn::Add(hn::BitCast(bits, p), hn::ShiftLeft<23>(hn::BitCast(bits, shifted))));
}

/// 2^x with the relative error that T allows: 8e-5 for bf16, a fiftieth of its step; 1e-7 for f32.
template <typename T>
HWY_INLINE Vec exp2_for(Vec x) {
  constexpr float kCoarse[] = {0.05517166F, 0.24261112F, 0.69326099F, 0.99992807F};
  constexpr float kFine[] = {0.000153458051F,
                             0.00133999312F,
                             0.00961848898F,
                             0.0555032878F,
                             0.240226469F,
                             0.693147206F,
                             1.0F};
  if constexpr (sizeof(T) == sizeof(Bf16)) return exp2_by(kCoarse, x);
  return exp2_by(kFine, x);
}

/// e^x; x above 87 counts as 87.
template <typename T>
HWY_INLINE Vec exp_for(Vec x) {
  constexpr float kLog2E = 1.44269504F;
  return exp2_for<T>(hn::Mul(hn::Min(hn::Set(F32(), 87.0F), x), hn::Set(F32(), kLog2E)));
}

/// Calls whole(i) for every full vector at i, and rest(i, count) for what is left.
template <typename Whole, typename Rest>
HWY_INLINE void for_vectors(std::size_t n, const Whole& whole, const Rest& rest) {
  const std::size_t lanes = hn::Lanes(F32());
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) whole(i);
  if (i < n) rest(i, n - i);
}

/// y[i] = f(vector of x at i), elementwise.
template <typename X, typename Y, typename F>
HWY_INLINE void map(const X* x, Y* y, std::size_t n, const F& f) {
  for_vectors(
      n, [&](std::size_t i) HWY_ATTR { store(f(load(x + i)), y + i); },
      [&](std::size_t i, std::size_t count)
          HWY_ATTR { store_first(f(load_first(x + i, count)), y + i, count); });
}

/// Calls f(pointer, …) with the pointers typed as the dtype says.
template <typename F>
HWY_INLINE auto with_type(tensor::DType dtype, const F& f, const void* x, void* y) {
  if (dtype == tensor::DType::bf16) return f(static_cast<const Bf16*>(x), static_cast<Bf16*>(y));
  return f(static_cast<const float*>(x), static_cast<float*>(y));
}

}  // namespace HWY_NAMESPACE
}  // namespace streamdiffusion::backend::cpu::simd
HWY_AFTER_NAMESPACE();

#endif
