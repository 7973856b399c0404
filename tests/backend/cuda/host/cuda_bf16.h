// In place of CUDA's header of this name.
#pragma once

#include "base/half.h"

struct __nv_bfloat16 {
  std::uint16_t bits;
};
inline float __bfloat162float(__nv_bfloat16 x) {
  return streamdiffusion::base::bf16_to_f32(x.bits);
}
inline __nv_bfloat16 __float2bfloat16(float x) {
  return {streamdiffusion::base::f32_to_bf16(x)};
}
