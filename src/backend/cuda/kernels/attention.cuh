// Attention of the shapes that cuDNN does not take: causal, head sizes that are no multiple of 8,
// f32, and to keys of earlier calls. One warp a query, online softmax (Milakov and Gimelshein 2018,
// arXiv 1805.02867).
#pragma once

#include "backend/cuda/kernels/device.cuh"
#include "backend/cuda/kernels/kept_rows.cuh"

namespace streamdiffusion::backend::cuda {

/// Queries that one block handles, a warp each.
constexpr int kAttentionQueries = 4;
constexpr int kMaxHeadSize = 512;

/// A warp's query on its way through keys. Each lane sums kChannels channels of the output: at
/// least head size / 32.
template <int kChannels>
struct AttentionSums {
  float row_max = -INFINITY, row_sum = 0, sums[kChannels] = {};
};

/// Takes a query through `seen` keys of its head. For each block of 32 keys: every lane scores one
/// key, the running row maximum is updated, the sums so far are rescaled by exp(old maximum - new
/// maximum), and the weighted values are added. `query` and `weights` are the warp's own in shared
/// memory; a token has `width` channels, its head `size`.
template <typename T, int kChannels>
__device__ void attend(const float* query, float* weights, const T* keys, const T* values, int seen,
                       int width, int size, AttentionSums<kChannels>& state) {
  const int lane = threadIdx.x;
  for (int block = 0; block < seen; block += kWarp) {
    const int key = block + lane;
    float score = -INFINITY;
    if (key < seen) {
      const T* key_values = keys + static_cast<std::int64_t>(key) * width;
      score = 0;
      for (int c = 0; c < size; ++c) score += query[c] * to_float(key_values[c]);
    }
    const float new_max = fmaxf(state.row_max, warp_max(score));
    const float rescale = expf(state.row_max - new_max);
    const float weight = key < seen ? expf(score - new_max) : 0.0F;
    __syncwarp();  // until all lanes have read the weights of the block before
    weights[lane] = weight;
    __syncwarp();
    state.row_sum = state.row_sum * rescale + warp_sum(weight);
    state.row_max = new_max;
#pragma unroll
    for (int i = 0; i < kChannels; ++i) state.sums[i] *= rescale;
    const int in_block = min(kWarp, seen - block);
    for (int j = 0; j < in_block; ++j) {
      const float of_key = weights[j];
      const T* value = values + static_cast<std::int64_t>(block + j) * width;
#pragma unroll
      for (int i = 0; i < kChannels; ++i) {
        const int c = i * kWarp + lane;
        if (c < size) state.sums[i] += of_key * to_float(value[c]);
      }
    }
  }
}

/// A row's keys and values of this call and of earlier ones (graph::Attention::slots).
template <typename T>
struct KeptKeys {
  /// [rows][slots][keys and values][tokens][channels], the call's own among them. Null: none.
  const T* data = nullptr;
  /// [rows][entries]
  const int* entries = nullptr;
  int entry_count = 0, slots = 0;
};

/// out = softmax(q k^T * scale) v for one head and row.
/// grid (blocks of queries, heads, rows), block (kWarp, kAttentionQueries).
template <typename T, int kChannels>
__global__ void attention(const T* q, const T* k, const T* v, const int* kv_rows, KeptKeys<T> kept,
                          T* y, int queries, int keys, int heads, int size, bool causal,
                          float scale) {
  __shared__ float query[kAttentionQueries][kMaxHeadSize];
  __shared__ float weights[kAttentionQueries][kWarp];
  const int lane = threadIdx.x, warp = threadIdx.y;
  const int index = static_cast<int>(blockIdx.x) * kAttentionQueries + warp;
  const int head = static_cast<int>(blockIdx.y), row = static_cast<int>(blockIdx.z);
  const int width = heads * size;
  if (index >= queries) return;  // the whole warp; no barrier of the block follows
  const std::int64_t at = (static_cast<std::int64_t>(row) * queries + index) * width + head * size;
  for (int c = lane; c < size; c += kWarp) query[warp][c] = to_float(q[at + c]) * scale;
  __syncwarp();

  AttentionSums<kChannels> state;
  const std::int64_t row_elements = static_cast<std::int64_t>(keys) * width;
  if (kept.data == nullptr) {
    const std::int64_t first = kv_rows[row] * row_elements + head * size;
    attend(query[warp], weights[warp], k + first, v + first, causal ? index + 1 : keys, width, size,
           state);
  } else {
    const int* entries = kept.entries + row * kept.entry_count;
    for (int i = 0; i < kept.entry_count; ++i) {
      const int slot = i == 0 ? own_slot(entries, kept.slots) : entries[i];
      if (slot < 0 || slot >= kept.slots) continue;
      const std::int64_t item = static_cast<std::int64_t>(row) * kept.slots + slot;
      const T* of_slot = kept.data + 2 * item * row_elements + head * size;
      attend(query[warp], weights[warp], of_slot, of_slot + row_elements, keys, width, size, state);
    }
  }
#pragma unroll
  for (int i = 0; i < kChannels; ++i) {
    const int c = i * kWarp + lane;
    if (c < size) y[at + c] = from_float<T>(state.sums[i] / state.row_sum);
  }
}

}  // namespace streamdiffusion::backend::cuda
