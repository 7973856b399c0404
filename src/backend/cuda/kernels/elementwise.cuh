// Ops that map or move single elements. Each thread handles vectors of `kWidth` neighboring
// elements, in steps of the whole grid.
#pragma once

#include "backend/cuda/kernels/device.cuh"

namespace streamdiffusion::backend::cuda {

__device__ __forceinline__ std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ std::int64_t index_step() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

/// y = a + b. y may be a or b.
template <typename T, int kWidth>
__global__ void add(const T* a, const T* b, T* y, std::int64_t vectors) {
  for (std::int64_t i = first_index(); i < vectors; i += index_step()) {
    float left[kWidth], right[kWidth];
    load(a + i * kWidth, left);
    load(b + i * kWidth, right);
#pragma unroll
    for (int k = 0; k < kWidth; ++k) left[k] += right[k];
    store(left, y + i * kWidth);
  }
}

/// y = a + scales[row * columns] * b. y may be a or b.
template <typename T, int kWidth>
__global__ void add_scaled(const T* a, const T* b, const float* scales, T* y, std::int64_t vectors,
                           std::int64_t vectors_a_row, int columns) {
  for (std::int64_t i = first_index(); i < vectors; i += index_step()) {
    const float scale = scales[i / vectors_a_row * columns];
    float left[kWidth], right[kWidth];
    load(a + i * kWidth, left);
    load(b + i * kWidth, right);
#pragma unroll
    for (int k = 0; k < kWidth; ++k) left[k] += scale * right[k];
    store(left, y + i * kWidth);
  }
}

/// y = activation(x). y may be x.
template <typename T, int kWidth>
__global__ void act(const T* x, T* y, std::int64_t vectors, graph::Activation activation) {
  for (std::int64_t i = first_index(); i < vectors; i += index_step()) {
    float values[kWidth];
    load(x + i * kWidth, values);
#pragma unroll
    for (int k = 0; k < kWidth; ++k) values[k] = activate(activation, values[k]);
    store(values, y + i * kWidth);
  }
}

/// y = scale * x + shift, from `in_channels` to `out_channels` a token. Channels beyond those of x
/// become 0: a convolution over three channels is run with eight.
template <typename From, typename To>
__global__ void convert(const From* x, To* y, std::int64_t tokens, int in_channels,
                        int out_channels, float scale, float shift) {
  const std::int64_t elements = tokens * out_channels;
  for (std::int64_t i = first_index(); i < elements; i += index_step()) {
    const std::int64_t token = i / out_channels;
    const auto channel = static_cast<int>(i % out_channels);
    // Not fused into one rounding: the reference rounds the product in f64, and both then agree on
    // ties of u8.
    const float value =
        channel < in_channels ? scale * to_float(x[token * in_channels + channel]) + shift : 0.0F;
    y[i] = from_float<To>(value);
  }
}

/// y = act(x + bias[channel] + row_bias[row][channel] + residual): what a convolution of the
/// library cannot add itself. Null terms are left out. y may be x or residual.
template <typename T, int kWidth>
__global__ void add_bias(const T* x, const T* bias, const float* row_bias, const T* residual, T* y,
                         std::int64_t vectors, int vectors_a_token, std::int64_t vectors_a_row,
                         graph::Activation activation) {
  for (std::int64_t i = first_index(); i < vectors; i += index_step()) {
    float values[kWidth];
    load(x + i * kWidth, values);
    const auto channel = static_cast<int>(i % vectors_a_token) * kWidth;
    const float* row = row_bias;
    if (row != nullptr) row += i / vectors_a_row * vectors_a_token * kWidth;
#pragma unroll
    for (int k = 0; k < kWidth; ++k) {
      if (bias != nullptr) values[k] += to_float(bias[channel + k]);
      if (row != nullptr) values[k] += row[channel + k];
      if (residual != nullptr) values[k] += to_float(residual[i * kWidth + k]);
      values[k] = activate(activation, values[k]);
    }
    store(values, y + i * kWidth);
  }
}

/// The gate of GEGLU: y[t][c] = x[t][c] * gelu(x[t][channels + c]).
template <typename T, int kWidth>
__global__ void geglu_gate(const T* x, T* y, std::int64_t vectors, int vectors_a_token) {
  for (std::int64_t i = first_index(); i < vectors; i += index_step()) {
    const std::int64_t token = i / vectors_a_token, channel = i % vectors_a_token;
    const T* value = x + (2 * token * vectors_a_token + channel) * kWidth;
    float values[kWidth], gates[kWidth];
    load(value, values);
    load(value + static_cast<std::int64_t>(vectors_a_token) * kWidth, gates);
#pragma unroll
    for (int k = 0; k < kWidth; ++k) values[k] *= gelu(gates[k]);
    store(values, y + i * kWidth);
  }
}

/// Nearest-neighbor resize; the source index is floor(i * in / out). Copies vectors as they are.
template <typename V>
__global__ void upsample_nearest(const V* x, V* y, std::int64_t vectors, int vectors_a_token,
                                 int in_h, int in_w, int out_h, int out_w) {
  for (std::int64_t i = first_index(); i < vectors; i += index_step()) {
    const std::int64_t token = i / vectors_a_token;
    const auto column = static_cast<int>(token % out_w);
    const std::int64_t line = token / out_w;
    const auto h = static_cast<int>(line % out_h);
    const std::int64_t from_h = static_cast<std::int64_t>(h) * in_h / out_h;
    const std::int64_t from_w = static_cast<std::int64_t>(column) * in_w / out_w;
    const std::int64_t from = (line / out_h * in_h + from_h) * in_w + from_w;
    y[i] = x[from * vectors_a_token + i % vectors_a_token];
  }
}

/// Copies `count` vectors of each token: vector `from` onward of x to vector `to` onward of y.
template <typename V>
__global__ void copy_channels(const V* x, V* y, std::int64_t tokens, int count, int x_width,
                              int y_width, int from, int to) {
  const std::int64_t vectors = tokens * count;
  for (std::int64_t i = first_index(); i < vectors; i += index_step()) {
    const std::int64_t token = i / count, vector = i % count;
    y[token * y_width + to + vector] = x[token * x_width + from + vector];
  }
}

/// y[t] = token_table[ids[t]] + position_table[t % tokens]. An id outside the vocabulary makes a
/// token of NaN, which the caller's check of the output finds.
template <typename T>
__global__ void embedding(const std::int32_t* ids, const float* token_table,
                          const float* position_table, T* y, std::int64_t elements, int tokens,
                          int width, int vocabulary) {
  for (std::int64_t i = first_index(); i < elements; i += index_step()) {
    const std::int64_t token = i / width, channel = i % width;
    const std::int32_t id = ids[token];
    const bool known = id >= 0 && id < vocabulary;
    const float value = known ? token_table[static_cast<std::int64_t>(id) * width + channel] : NAN;
    y[i] = from_float<T>(value + position_table[token % tokens * width + channel]);
  }
}

/// Sinusoidal embedding of a timestep. Frequencies and phases are rounded to f32 where PyTorch
/// rounds them, because models were trained with that rounding.
template <typename T>
__global__ void timestep_embedding(const float* timesteps, T* y, std::int64_t elements, int width,
                                   bool flip_sin_to_cos, float freq_shift) {
  const int half = width / 2;
  for (std::int64_t i = first_index(); i < elements; i += index_step()) {
    const auto channel = static_cast<int>(i % width);
    float value = 0;
    if (channel < 2 * half) {
      const int k = channel % half;
      const float exponent = -9.210340371976184F * static_cast<float>(k);
      const float frequency = static_cast<float>(
          exp(static_cast<double>(exponent / (static_cast<float>(half) - freq_shift))));
      const double phase = static_cast<double>(timesteps[i / width] * frequency);
      value = static_cast<float>((channel < half) == flip_sin_to_cos ? cos(phase) : sin(phase));
    }
    y[i] = from_float<T>(value);
  }
}

}  // namespace streamdiffusion::backend::cuda
