// Group norm and layer norm, statistics in f32.
//
// Sums of squares are taken around a shift that lies inside the data, and partial means and
// variances are combined as Chan, Golub and LeVeque do (Updating Formulae and a Pairwise Algorithm
// for Computing Sample Variances, 1979). E[x^2] - E[x]^2 would lose its digits where the mean is
// large. All sums have a fixed order, so two runs give the same bits.
#pragma once

#include "backend/cuda/kernels/device.cuh"

namespace streamdiffusion::backend::cuda {

/// Count, mean and sum of squared differences from the mean of some values.
struct Moments {
  float count = 0, mean = 0, squares = 0;
};

__device__ __forceinline__ Moments combine(const Moments& a, const Moments& b) {
  const float count = a.count + b.count;
  if (count == 0.0F) return {};
  const float difference = b.mean - a.mean, share = b.count / count;
  return {count, a.mean + difference * share,
          a.squares + b.squares + difference * difference * a.count * share};
}

/// The two inputs of a group norm side by side on channels, with what is added while they are read.
template <typename T>
struct NormInput {
  const T* first = nullptr;
  /// Null if there is one input.
  const T* second = nullptr;
  /// [rows, channels], or null.
  const float* row_bias = nullptr;
  int first_channels = 0, second_channels = 0;

  __device__ int channels() const { return first_channels + second_channels; }
  /// The channels [channel, channel + kWidth) of a token; none straddles the two inputs.
  template <int kWidth>
  __device__ void read(std::int64_t row, std::int64_t token, int channel,
                       float (&values)[kWidth]) const {
    if (channel < first_channels) {
      load(first + token * first_channels + channel, values);
    } else {
      load(second + token * second_channels + channel - first_channels, values);
    }
    if (row_bias == nullptr) return;
    const float* bias = row_bias + row * channels() + channel;
#pragma unroll
    for (int k = 0; k < kWidth; ++k) values[k] += bias[k];
  }
};

constexpr int kNormThreads = 256;

/// Moments that one block of the statistics kernel can hold: one a channel and lane. 45 KiB.
constexpr int kMaxStatisticsChannels = 3840;

/// First of two kernels: the moments of each group over a chunk of a row's tokens.
/// grid (chunks, rows), block kNormThreads. moments: [rows, chunks, groups].
///
/// A thread keeps one vector of channels and walks over every `lanes`-th token. Neighboring threads
/// have neighboring channels, so reads are whole lines, and a group need not be a multiple of a
/// vector wide.
template <typename T, int kWidth>
__global__ void group_moments(NormInput<T> x, Moments* moments, std::int64_t tokens,
                              std::int64_t tokens_a_chunk, int groups) {
  __shared__ Moments of_channel[kMaxStatisticsChannels];
  const int channels = x.channels(), vectors = channels / kWidth;
  const int lanes = max(kNormThreads / vectors, 1);
  const std::int64_t row = blockIdx.y;
  const std::int64_t begin = blockIdx.x * tokens_a_chunk;
  const std::int64_t end = min(begin + tokens_a_chunk, tokens);
  for (int i = threadIdx.x; i < lanes * vectors; i += kNormThreads) {
    const int lane = i / vectors, channel = i % vectors * kWidth;
    float shift[kWidth] = {}, sum[kWidth] = {}, squares[kWidth] = {}, count = 0;
    if (begin + lane < end) x.read(row, row * tokens + begin + lane, channel, shift);
    for (std::int64_t token = begin + lane; token < end; token += lanes) {
      float values[kWidth];
      x.read(row, row * tokens + token, channel, values);
      count += 1;
#pragma unroll
      for (int k = 0; k < kWidth; ++k) {
        const float difference = values[k] - shift[k];
        sum[k] += difference;
        squares[k] += difference * difference;
      }
    }
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      const float mean = count > 0 ? sum[k] / count : 0.0F;
      of_channel[lane * channels + channel + k] = {count, shift[k] + mean,
                                                   squares[k] - sum[k] * mean};
    }
  }
  __syncthreads();
  const int group_channels = channels / groups;
  Moments* out = moments + (row * gridDim.x + blockIdx.x) * groups;
  for (int group = threadIdx.x; group < groups; group += kNormThreads) {
    Moments all;
    for (int lane = 0; lane < lanes; ++lane) {
      const Moments* first = of_channel + lane * channels + group * group_channels;
      for (int c = 0; c < group_channels; ++c) all = combine(all, first[c]);
    }
    out[group] = all;
  }
}

/// Most groups of a group norm.
constexpr int kMaxGroups = 256;

/// Second of two kernels: y = (x - mean) / sqrt(variance + eps) * weight + bias, then SiLU if
/// asked. grid (blocks, rows), block kNormThreads. Each block first combines the row's moments.
template <typename T, int kWidth>
__global__ void group_normalize(NormInput<T> x, const Moments* moments, int chunks,
                                const float* weight, const float* bias, T* y, std::int64_t tokens,
                                int groups, float eps, bool with_silu) {
  __shared__ float mean[kMaxGroups], scale[kMaxGroups];
  const std::int64_t row = blockIdx.y;
  for (int group = threadIdx.x; group < groups; group += kNormThreads) {
    Moments all;
    for (int chunk = 0; chunk < chunks; ++chunk)
      all = combine(all, moments[(row * chunks + chunk) * groups + group]);
    mean[group] = all.mean;
    scale[group] = rsqrtf(all.squares / all.count + eps);
  }
  __syncthreads();
  const int channels = x.channels(), vectors = channels / kWidth;
  const int group_channels = channels / groups;
  const std::int64_t all_vectors = tokens * vectors;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kNormThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kNormThreads + threadIdx.x;
       i < all_vectors; i += step) {
    const std::int64_t token = row * tokens + i / vectors;
    const auto channel = static_cast<int>(i % vectors) * kWidth;
    float values[kWidth];
    x.read(row, token, channel, values);
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      const int c = channel + k, group = c / group_channels;
      const float normal = (values[k] - mean[group]) * scale[group] * weight[c] + bias[c];
      values[k] = with_silu ? silu(normal) : normal;
    }
    store(values, y + token * channels + channel);
  }
}

/// Tokens that one block of layer_norm handles, a warp each.
constexpr int kLayerNormTokens = 8;

/// y = (x - mean) / sqrt(variance + eps) * weight + bias over the channels of each token.
/// block (kWarp, kLayerNormTokens). With kVectors > 0 a lane keeps its vectors in registers, and
/// the token is read once; with 0 it is read three times, from the cache.
template <typename T, int kWidth, int kVectors>
__global__ void layer_norm(const T* x, const float* weight, const float* bias, T* y,
                           std::int64_t tokens, int channels, float eps) {
  constexpr int kKept = kVectors > 0 ? kVectors : 1;
  const std::int64_t token = static_cast<std::int64_t>(blockIdx.x) * kLayerNormTokens + threadIdx.y;
  if (token >= tokens) return;  // the whole warp
  const T* in = x + token * channels;
  const int vectors = channels / kWidth;
  float kept[kKept][kWidth];
  if constexpr (kVectors > 0) {
#pragma unroll
    for (int i = 0; i < kKept; ++i) {
      const int vector = i * kWarp + threadIdx.x;
      if (vector < vectors) load(in + vector * kWidth, kept[i]);
    }
  }
  const auto each_vector = [&](auto&& visit) {
    if constexpr (kVectors > 0) {
#pragma unroll
      for (int i = 0; i < kKept; ++i) {
        const int vector = i * kWarp + threadIdx.x;
        if (vector < vectors) visit(vector * kWidth, kept[i]);
      }
    } else {
      for (int vector = threadIdx.x; vector < vectors; vector += kWarp) {
        load(in + vector * kWidth, kept[0]);
        visit(vector * kWidth, kept[0]);
      }
    }
  };
  float sum = 0;
  each_vector([&](int, const float(&values)[kWidth]) {
#pragma unroll
    for (int k = 0; k < kWidth; ++k) sum += values[k];
  });
  const float mean = warp_sum(sum) / static_cast<float>(channels);
  float squares = 0;
  each_vector([&](int, const float(&values)[kWidth]) {
#pragma unroll
    for (int k = 0; k < kWidth; ++k) squares += (values[k] - mean) * (values[k] - mean);
  });
  const float scale = rsqrtf(warp_sum(squares) / static_cast<float>(channels) + eps);
  each_vector([&](int channel, const float(&values)[kWidth]) {
    float normal[kWidth];
#pragma unroll
    for (int k = 0; k < kWidth; ++k)
      normal[k] = (values[k] - mean) * scale * weight[channel + k] + bias[channel + k];
    store(normal, y + token * channels + channel);
  });
}

}  // namespace streamdiffusion::backend::cuda
