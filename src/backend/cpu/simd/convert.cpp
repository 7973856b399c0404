// Vector loops that change the type of numbers: u8 pixels to the network's range and back, f32 to
// bf16 and back.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/simd/convert.cpp"
#include "hwy/foreach_target.h"
// foreach_target must come first
#include "backend/cpu/simd/simd-inl.h"
#include "backend/cpu/simd/simd.h"
#include "base/error.h"

HWY_BEFORE_NAMESPACE();
namespace streamdiffusion::backend::cpu::simd {
namespace HWY_NAMESPACE {
namespace {

template <typename X, typename Y>
void convert_of(const X* x, Y* y, std::size_t n, float scale, float shift) {
  const F32 d;
  const Vec a = hn::Set(d, scale), b = hn::Set(d, shift);
  for_vectors(
      n, [&](std::size_t i) HWY_ATTR { store(hn::MulAdd(load(x + i), a, b), y + i); },
      [&](std::size_t i, std::size_t count)
          HWY_ATTR { store_first(hn::MulAdd(load_first(x + i, count), a, b), y + i, count); });
}

template <typename X>
void convert_from(const X* x, DType to, void* y, std::size_t n, float scale, float shift) {
  switch (to) {
    case DType::f32:
      return convert_of(x, static_cast<float*>(y), n, scale, shift);
    case DType::bf16:
      return convert_of(x, static_cast<Bf16*>(y), n, scale, shift);
    case DType::u8:
      return convert_of(x, static_cast<std::uint8_t*>(y), n, scale, shift);
    default:
      base::fail(base::ErrorCode::internal, "convert to ", tensor::to_string(to));
  }
}

void Convert(DType from, const void* x, DType to, void* y, std::size_t n, float scale,
             float shift) {
  switch (from) {
    case DType::f32:
      return convert_from(static_cast<const float*>(x), to, y, n, scale, shift);
    case DType::bf16:
      return convert_from(static_cast<const Bf16*>(x), to, y, n, scale, shift);
    case DType::u8:
      return convert_from(static_cast<const std::uint8_t*>(x), to, y, n, scale, shift);
    default:
      base::fail(base::ErrorCode::internal, "convert from ", tensor::to_string(from));
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace streamdiffusion::backend::cpu::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace streamdiffusion::backend::cpu::simd {

HWY_EXPORT(Convert);

void convert(DType from, const void* x, DType to, void* y, std::size_t n, float scale,
             float shift) {
  HWY_DYNAMIC_DISPATCH(Convert)(from, x, to, y, n, scale, shift);
}

const char* target_name() {
  const std::int64_t supported = hwy::SupportedTargets();
  return hwy::TargetName(supported & -supported);
}

void cap_to_avx2() {
  // better targets have lower bits
  hwy::DisableTargets(HWY_AVX2 - 1);
}

}  // namespace streamdiffusion::backend::cpu::simd
#endif
