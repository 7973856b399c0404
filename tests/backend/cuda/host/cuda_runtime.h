// In place of CUDA's header of this name: what the kernels use of it, for a C++ compiler.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "backend/cuda/host/fibers.h"

#define __global__
#define __device__
#define __forceinline__ inline
// One block runs at a time on a thread of the processor.
#define __shared__ static thread_local

namespace cuda_on_host {

/// A built-in variable of three numbers, of the thread that reads it.
template <dim3 Position::*kWhich>
struct BuiltIn {
  template <unsigned dim3::*kAxis>
  struct Axis {
    operator unsigned() const { return (position().*kWhich).*kAxis; }
  };
  Axis<&dim3::x> x;
  Axis<&dim3::y> y;
  Axis<&dim3::z> z;
};

}  // namespace cuda_on_host

inline constexpr cuda_on_host::BuiltIn<&cuda_on_host::Position::thread> threadIdx{};
inline constexpr cuda_on_host::BuiltIn<&cuda_on_host::Position::block> blockIdx{};
inline constexpr cuda_on_host::BuiltIn<&cuda_on_host::Position::block_size> blockDim{};
inline constexpr cuda_on_host::BuiltIn<&cuda_on_host::Position::grid_size> gridDim{};

using std::max;
using std::min;

/// Where work waits for its turn; host_runtime.h has the one that the tests use.
struct CUstream_st {
  virtual ~CUstream_st() = default;
  virtual void enqueue(std::function<void()> work) = 0;
};
using cudaStream_t = CUstream_st*;

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidConfiguration = 9 };
inline const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : "invalid configuration argument";
}

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
};

/// Queues the kernel, or runs it if there is no stream. Refuses the shapes that cards refuse.
template <typename... Parameters, typename... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments... arguments) {
  const dim3 grid = config->gridDim, block = config->blockDim;
  const bool valid = grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.y <= 65535 && grid.z <= 65535 &&
                     block.x * block.y * block.z <= 1024 && block.z <= 64;
  if (!valid) return cudaErrorInvalidConfiguration;
  const auto run = [=] { cuda_on_host::run_grid(grid, block, [&] { kernel(arguments...); }); };
  config->stream == nullptr ? run() : config->stream->enqueue(run);
  return cudaSuccess;
}

inline void __syncthreads() {
  cuda_on_host::wait_for_block();
}
inline void __syncwarp() {
  cuda_on_host::wait_for_warp();
}
template <typename T>
T __shfl_sync(unsigned, T value, int source) {
  return cuda_on_host::shuffle(value, static_cast<unsigned>(source) % 32);
}
template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return cuda_on_host::shuffle(value, cuda_on_host::lane() ^ static_cast<unsigned>(mask));
}

inline float rsqrtf(float x) {
  return 1.0F / std::sqrt(x);
}
using std::isnan;
