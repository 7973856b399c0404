// Attention of the shapes that cuDNN does not take: causal, head sizes that are no multiple of 8,
// f32. One warp a query, online softmax (Milakov and Gimelshein 2018, arXiv 1805.02867).
#pragma once

#include "backend/cuda/kernels/device.cuh"

namespace streamdiffusion::backend::cuda {

/// Queries that one block handles, a warp each.
constexpr int kAttentionQueries = 4;
constexpr int kMostHeadSize = 512;

/// out = softmax(q k^T * scale) v for one head and row.
/// grid (blocks of queries, heads, rows), block (kWarp, kAttentionQueries). kChannels: channels of
/// the output that each lane sums, at least head size / 32.
///
/// For each block of 32 keys: every lane scores one key, the running row maximum is updated, the
/// sums so far are rescaled by exp(old maximum - new maximum), and the weighted values are added.
template <typename T, int kChannels>
__global__ void attention(const T* q, const T* k, const T* v, const int* kv_rows, T* y, int queries,
                          int keys, int heads, int size, bool causal, float scale) {
  __shared__ float query[kAttentionQueries][kMostHeadSize];
  __shared__ float weights[kAttentionQueries][kWarp];
  const int lane = threadIdx.x, warp = threadIdx.y;
  const int index = static_cast<int>(blockIdx.x) * kAttentionQueries + warp;
  const int head = static_cast<int>(blockIdx.y), row = static_cast<int>(blockIdx.z);
  const int width = heads * size;
  if (index >= queries) return;  // the whole warp; no barrier of the block follows
  const std::int64_t at = (static_cast<std::int64_t>(row) * queries + index) * width + head * size;
  for (int c = lane; c < size; c += kWarp) query[warp][c] = to_float(q[at + c]) * scale;
  __syncwarp();
  const std::int64_t first_key = static_cast<std::int64_t>(kv_rows[row]) * keys;
  const T* key_head = k + first_key * width + head * size;
  const T* value_head = v + first_key * width + head * size;
  const int seen = causal ? index + 1 : keys;

  float row_max = -INFINITY, row_sum = 0, sums[kChannels] = {};
  for (int block = 0; block < seen; block += kWarp) {
    const int key = block + lane;
    float score = -INFINITY;
    if (key < seen) {
      const T* key_values = key_head + static_cast<std::int64_t>(key) * width;
      score = 0;
      for (int c = 0; c < size; ++c) score += query[warp][c] * to_float(key_values[c]);
    }
    const float new_max = fmaxf(row_max, warp_max(score));
    const float rescale = expf(row_max - new_max);
    const float weight = key < seen ? expf(score - new_max) : 0.0F;
    __syncwarp();  // until all lanes have read the weights of the block before
    weights[warp][lane] = weight;
    __syncwarp();
    row_sum = row_sum * rescale + warp_sum(weight);
    row_max = new_max;
#pragma unroll
    for (int i = 0; i < kChannels; ++i) sums[i] *= rescale;
    const int in_block = min(kWarp, seen - block);
    for (int j = 0; j < in_block; ++j) {
      const float of_key = weights[warp][j];
      const T* value = value_head + static_cast<std::int64_t>(block + j) * width;
#pragma unroll
      for (int i = 0; i < kChannels; ++i) {
        const int c = i * kWarp + lane;
        if (c < size) sums[i] += of_key * to_float(value[c]);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kChannels; ++i) {
    const int c = i * kWarp + lane;
    if (c < size) y[at + c] = from_float<T>(sums[i] / row_sum);
  }
}

}  // namespace streamdiffusion::backend::cuda
