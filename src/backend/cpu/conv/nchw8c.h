// Pixels with their channels in blocks of eight, [channels / 8, pixels, 8]: what the library's
// convolutions read and write a quarter faster on AVX2, copies there and back included.
#pragma once

#include <cstring>

#include "backend/cpu/onednn/primitive.h"
#include "graph/graph.h"

namespace streamdiffusion::backend::cpu {

constexpr std::size_t kBlock = 8;
/// Output lines that are made at a time: copies, weights and sums are still in cache.
constexpr std::int64_t kLinesInBlocks = 8;

/// Whether a convolution gains by it: of many channels in f32, without AVX512.
inline bool wants_blocks(const graph::Conv2d& op, tensor::DType dtype) {
  constexpr std::int64_t kMany = 64, kWhole = kBlock;
  return dtype == tensor::DType::f32 && !has_isa(dnnl::cpu_isa::avx512_core) && op.kernel == 3 &&
         op.in >= kMany && op.out >= kMany && op.in % kWhole == 0 && op.out % kWhole == 0;
}

inline void to_blocks(const float* pixels, std::size_t count, std::size_t channels, float* blocks) {
  for (std::size_t c = 0; c < channels; c += kBlock) {
    for (std::size_t i = 0; i < count; ++i, blocks += kBlock)
      std::memcpy(blocks, pixels + i * channels + c, kBlock * sizeof(float));
  }
}

inline void from_blocks(const float* blocks, std::size_t count, std::size_t channels,
                        float* pixels) {
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < channels; c += kBlock, pixels += kBlock)
      std::memcpy(pixels, blocks + c * count + i * kBlock, kBlock * sizeof(float));
  }
}

}  // namespace streamdiffusion::backend::cpu
