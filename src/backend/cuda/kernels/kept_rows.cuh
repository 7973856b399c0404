// What ops keep from call to call (graph::Attention::slots): rows of several slots each.
#pragma once

#include "backend/cuda/kernels/device.cuh"

namespace streamdiffusion::backend::cuda {

/// Where a row keeps what this call makes.
__device__ __forceinline__ int own_slot(const int* entries, int slots) {
  return entries[0] >= 0 && entries[0] < slots ? entries[0] : 0;
}

/// Copies each row of x into its own slot. A slot of `kept` has `slot_elements`; x fills those from
/// `first` on. Steps by the whole grid.
template <typename T>
__global__ void keep_rows(const T* x, const int* entries, int entry_count, int slots, T* kept,
                          std::int64_t rows, std::int64_t row_elements, std::int64_t slot_elements,
                          std::int64_t first) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       i < rows * row_elements; i += step) {
    const std::int64_t row = i / row_elements;
    const int slot = own_slot(entries + row * entry_count, slots);
    kept[(row * slots + slot) * slot_elements + first + i % row_elements] = x[i];
  }
}

}  // namespace streamdiffusion::backend::cuda
