// In place of CUDA's header of this name.
#pragma once

#include "base/half.h"

struct __half {
  std::uint16_t bits;
};
inline float __half2float(__half x) {
  return streamdiffusion::base::f16_to_f32(x.bits);
}
inline __half __float2half(float x) {
  return {streamdiffusion::base::f32_to_f16(x)};
}
