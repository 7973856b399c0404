// What all kernels share: the types that tensors are stored in, 16-byte vectors of them, sums over
// a warp, and the activations.
//
// Kernels compute in f32, whatever the type of their tensors. They are plain CUDA C++ without
// inline assembly, so that the tests can run them on a processor too (tests/backend/cuda).
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "graph/ops/activation.h"

namespace streamdiffusion::backend::cuda {

constexpr int kWarp = 32;
constexpr unsigned kWholeWarp = 0xffffffffU;

__device__ __forceinline__ float to_float(float x) {
  return x;
}
__device__ __forceinline__ float to_float(__nv_bfloat16 x) {
  return __bfloat162float(x);
}
__device__ __forceinline__ float to_float(__half x) {
  return __half2float(x);
}
__device__ __forceinline__ float to_float(std::uint8_t x) {
  return static_cast<float>(x);
}
__device__ __forceinline__ float to_float(std::int32_t x) {
  return static_cast<float>(x);
}

/// To nearest, ties to even. Integers saturate, and a NaN becomes 0 in them.
template <typename T>
__device__ T from_float(float x);
template <>
__device__ __forceinline__ float from_float<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16(x);
}
template <>
__device__ __forceinline__ __half from_float<__half>(float x) {
  return __float2half(x);
}
template <>
__device__ __forceinline__ std::uint8_t from_float<std::uint8_t>(float x) {
  // fmaxf returns the operand that is a number
  return static_cast<std::uint8_t>(rintf(fminf(fmaxf(x, 0.0F), 255.0F)));
}
template <>
__device__ __forceinline__ std::int32_t from_float<std::int32_t>(float x) {
  constexpr float kBeyond = 2147483648.0F;
  if (isnan(x)) return 0;
  if (x >= kBeyond) return INT32_MAX;
  if (x <= -kBeyond) return INT32_MIN;
  return static_cast<std::int32_t>(rintf(x));
}

/// `kWidth` neighboring elements, loaded and stored as one.
template <typename T, int kWidth>
struct alignas(sizeof(T) * kWidth) Vector {
  T values[kWidth];
};

/// The values of a vector in f32.
template <typename T, int kWidth>
__device__ __forceinline__ void load(const T* from, float (&values)[kWidth]) {
  const auto vector = *reinterpret_cast<const Vector<T, kWidth>*>(from);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) values[i] = to_float(vector.values[i]);
}

template <typename T, int kWidth>
__device__ __forceinline__ void store(const float (&values)[kWidth], T* to) {
  Vector<T, kWidth> vector;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) vector.values[i] = from_float<T>(values[i]);
  *reinterpret_cast<Vector<T, kWidth>*>(to) = vector;
}

/// The sum over the warp, in every lane, always added in the same order.
__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int lane = kWarp / 2; lane > 0; lane /= 2) value += __shfl_xor_sync(kWholeWarp, value, lane);
  return value;
}

__device__ __forceinline__ float warp_max(float value) {
#pragma unroll
  for (int lane = kWarp / 2; lane > 0; lane /= 2)
    value = fmaxf(value, __shfl_xor_sync(kWholeWarp, value, lane));
  return value;
}

__device__ __forceinline__ float silu(float x) {
  return x / (1.0F + expf(-x));
}

__device__ __forceinline__ float gelu(float x) {
  constexpr float kInverseSqrt2 = 0.70710678118654752440F;
  return 0.5F * x * (1.0F + erff(x * kInverseSqrt2));
}

__device__ __forceinline__ float activate(graph::Activation activation, float x) {
  switch (activation) {
    case graph::Activation::none:
      return x;
    case graph::Activation::relu:
      // fmaxf would turn a NaN into 0 and hide it
      return x < 0.0F ? 0.0F : x;
    case graph::Activation::silu:
      return silu(x);
    case graph::Activation::gelu:
      return gelu(x);
    case graph::Activation::quick_gelu:
      return x / (1.0F + expf(-1.702F * x));
    case graph::Activation::tanh3:
      return 3.0F * tanhf(x / 3.0F);
  }
  return x;
}

}  // namespace streamdiffusion::backend::cuda
