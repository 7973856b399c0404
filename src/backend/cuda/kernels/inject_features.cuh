// Features drawn to the most similar ones of earlier calls. One warp a token.
#pragma once

#include "backend/cuda/kernels/kept_rows.cuh"

namespace streamdiffusion::backend::cuda {

/// Tokens that one block handles, a warp each.
constexpr int kInjectTokens = 4;

/// A token of earlier calls, by its index in a row's slots, and its similarity.
struct NearestToken {
  float similarity = -INFINITY;
  int index = -1;
};

/// The more similar one; of equals the first.
__device__ __forceinline__ NearestToken nearer(NearestToken a, NearestToken b) {
  if (b.index < 0 || a.similarity > b.similarity) return a;
  if (a.index < 0 || b.similarity > a.similarity) return b;
  return a.index <= b.index ? a : b;
}

/// y = residual + x, each token x drawn to the nearest of earlier calls as graph::InjectFeatures
/// says. kept: [rows][slots][tokens][channels].
/// grid (blocks of tokens, rows), block (kWarp, kInjectTokens).
template <typename T>
__global__ void inject_features(const T* x, const T* residual, const int* entries, int entry_count,
                                int slots, const float* settings, const T* kept, T* y, int tokens,
                                int channels) {
  const int lane = threadIdx.x, row = static_cast<int>(blockIdx.y);
  const int token = static_cast<int>(blockIdx.x) * kInjectTokens + static_cast<int>(threadIdx.y);
  if (token >= tokens) return;  // the whole warp
  const std::int64_t at = (static_cast<std::int64_t>(row) * tokens + token) * channels;
  const std::int64_t slot_elements = static_cast<std::int64_t>(tokens) * channels;
  const T* row_kept = kept + static_cast<std::int64_t>(row) * slots * slot_elements;
  NearestToken nearest;
  for (int i = 1; i < entry_count; ++i) {
    const int slot = entries[row * entry_count + i];
    if (slot < 0 || slot >= slots) continue;
    for (int j = lane; j < tokens; j += kWarp) {
      const T* other = row_kept + slot * slot_elements + static_cast<std::int64_t>(j) * channels;
      float product = 0, square = 0;
      for (int c = 0; c < channels; ++c) {
        const float value = to_float(other[c]);
        product += to_float(x[at + c]) * value;
        square += value * value;
      }
      const float similarity = square > 0 ? product / sqrtf(square) : 0.0F;
      // Entries are searched in their order, which is not that of the slots.
      const NearestToken found{similarity, (i - 1) * tokens + j};
      nearest = nearer(nearest, found);
    }
  }
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const NearestToken other{__shfl_xor_sync(kWholeWarp, nearest.similarity, distance),
                             __shfl_xor_sync(kWholeWarp, nearest.index, distance)};
    nearest = nearer(nearest, other);
  }
  float own = 0;
  for (int c = lane; c < channels; c += kWarp) own += to_float(x[at + c]) * to_float(x[at + c]);
  own = warp_sum(own);
  const float similarity = own > 0 ? nearest.similarity / sqrtf(own) : 0.0F;
  const bool drawn = nearest.index >= 0 && similarity >= settings[2 * row + 1];
  const float strength = drawn ? settings[2 * row] : 0.0F;
  const T* source = x + at;
  if (drawn) {
    const int slot = entries[row * entry_count + 1 + nearest.index / tokens];
    source = row_kept + slot * slot_elements +
             static_cast<std::int64_t>(nearest.index % tokens) * channels;
  }
  for (int c = lane; c < channels; c += kWarp) {
    float feature = to_float(x[at + c]);
    if (drawn) feature = (1 - strength) * feature + strength * to_float(source[c]);
    y[at + c] = from_float<T>(to_float(residual[at + c]) + feature);
  }
}

}  // namespace streamdiffusion::backend::cuda
