#include "backend/ref/storage.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/half.h"

namespace streamdiffusion::backend::ref {
namespace {

using tensor::DType;

template <typename Integer>
Integer saturate(float value) {
  using Limits = std::numeric_limits<Integer>;
  if (std::isnan(value)) return 0;
  const double nearest = std::nearbyint(double{value});
  return static_cast<Integer>(std::clamp(nearest, double{Limits::min()}, double{Limits::max()}));
}

}  // namespace

bool can_store(DType dtype) {
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::u8 || dtype == DType::i32;
}

void load(const tensor::View& source, float* out) {
  const std::int64_t elements = source.desc.shape.elements();
  switch (source.desc.dtype) {
    case DType::f32:
      std::copy_n(source.as<const float>(), elements, out);
      break;
    case DType::bf16:
      std::transform(source.as<const std::uint16_t>(), source.as<const std::uint16_t>() + elements,
                     out, base::bf16_to_f32);
      break;
    case DType::u8:
      std::copy_n(source.as<const std::uint8_t>(), elements, out);
      break;
    case DType::i32:
      std::transform(source.as<const std::int32_t>(), source.as<const std::int32_t>() + elements,
                     out, [](std::int32_t x) { return static_cast<float>(x); });
      break;
    case DType::f16:
    case DType::i64:
      break;
  }
}

void store(const float* source, const tensor::View& target) {
  const std::int64_t elements = target.desc.shape.elements();
  switch (target.desc.dtype) {
    case DType::f32:
      std::copy_n(source, elements, target.as<float>());
      break;
    case DType::bf16:
      std::transform(source, source + elements, target.as<std::uint16_t>(), base::f32_to_bf16);
      break;
    case DType::u8:
      std::transform(source, source + elements, target.as<std::uint8_t>(), saturate<std::uint8_t>);
      break;
    case DType::i32:
      std::transform(source, source + elements, target.as<std::int32_t>(), saturate<std::int32_t>);
      break;
    case DType::f16:
    case DType::i64:
      break;
  }
}

}  // namespace streamdiffusion::backend::ref
