// What the launching files share: grids, the choice of a vector width, and the dispatch by type.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "backend/cuda/kernels/device.cuh"
#include "backend/cuda/kernels/launch.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {

constexpr int kThreads = 256;

/// Throws internal, naming the kernel, if a launch or an earlier kernel failed.
inline void check_launch(cudaError_t status, const char* kernel) {
  base::require(status == cudaSuccess, base::ErrorCode::internal, "launch of ", kernel, ": ",
                cudaGetErrorString(status));
}

template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, Stream stream,
            Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.stream = stream;
  check_launch(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), name);
}

/// A grid for kernels that step by the whole grid: every thread has an item, up to what fills the
/// largest card several times.
inline dim3 grid_for(std::int64_t items) {
  constexpr std::int64_t kMaxBlocks = 132 * 16;
  const std::int64_t blocks = (items + kThreads - 1) / kThreads;
  return dim3(static_cast<unsigned>(std::clamp<std::int64_t>(blocks, 1, kMaxBlocks)));
}

inline bool is_aligned(const void* data, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(data) % bytes == 0;
}

template <typename T>
struct Type {
  using type = T;
};

/// Calls visit(Type<T>) with the type that device code has for `dtype`.
template <typename Visit>
void dispatch_float(tensor::DType dtype, const char* kernel, const Visit& visit) {
  switch (dtype) {
    case tensor::DType::f32:
      return visit(Type<float>());
    case tensor::DType::bf16:
      return visit(Type<__nv_bfloat16>());
    case tensor::DType::f16:
      return visit(Type<__half>());
    default:
      base::fail(base::ErrorCode::unsupported, kernel,
                 " on the cuda device takes f32, bf16 or f16, found ", tensor::to_string(dtype));
  }
}

/// Calls visit(std::integral_constant<int, width>): as many elements of T as fit into 16 bytes if
/// `channels` is a multiple of that and all pointers are aligned, else 1.
template <typename T, typename Visit>
void dispatch_width(std::int64_t channels, std::initializer_list<const void*> pointers,
                    const Visit& visit) {
  constexpr int kWidth = 16 / sizeof(T);
  bool wide = channels % kWidth == 0;
  for (const void* pointer : pointers) wide = wide && is_aligned(pointer, 16);
  if (wide) return visit(std::integral_constant<int, kWidth>());
  visit(std::integral_constant<int, 1>());
}

}  // namespace streamdiffusion::backend::cuda
