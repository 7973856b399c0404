// The stream batch between the networks: rows enter a denoising step, and take it. Each thread
// handles single values, in steps of the grid's first axis; the second axis is the stream row.
#pragma once

#include "backend/cuda/kernels/device.cuh"
#include "backend/cuda/kernels/launch.h"
#include "backend/step_value.h"

namespace streamdiffusion::backend::cuda {

/// A value that is not finite times zero is NaN.
__device__ __forceinline__ bool is_finite(float x) {
  return x * 0.0F == 0.0F;
}

__device__ __forceinline__ float or_zero(float x) {
  return is_finite(x) ? x : 0.0F;
}

/// A new frame's value at step 0.
__device__ __forceinline__ NoisedValue entering(const EnteringRows& rows, int frame,
                                                std::int64_t i) {
  float fresh = rows.fresh[frame * rows.row_elements + i];
  if (!is_finite(fresh)) {
    rows.broken_frames[frame] = 1;  // whichever thread: all write the same
    fresh = 0.0F;
  }
  if (rows.from_noise) return {fresh, fresh};
  if (rows.feedback > 0.0F) fresh = (1 - rows.feedback) * fresh + rows.feedback * rows.last[i];
  const StepCoefficients first = rows.steps[0];
  return {first.a * fresh + first.b * rows.noise[i], rows.noise[i]};
}

/// The value of a row one step further. What is not finite is of a frame that was given up.
__device__ __forceinline__ NoisedValue moving_on(const EnteringRows& rows, int row, int step,
                                                 std::int64_t i) {
  const std::int64_t all = static_cast<std::int64_t>(rows.stream_rows) * rows.row_elements;
  const std::int64_t at = (row - rows.frames) * rows.row_elements + i;
  const float noise = rows.add_noise ? rows.noise[step * rows.row_elements + i] : 0.0F;
  const StepCoefficients s = rows.steps[step];
  const float ratio = s.a / s.b, x0 = or_zero(rows.waiting[at]),
              gain = or_zero(rows.waiting[2 * all + at]);
  if (s.q == 0.0F) return noised_anew(s, ratio, x0, gain, noise);
  return noised(s, ratio, x0, or_zero(rows.waiting[all + at]), gain, noise);
}

/// grid (values, stream rows)
__global__ void enter_rows(EnteringRows rows) {
  const int row = static_cast<int>(blockIdx.y), step = row / rows.frames;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t grid_step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = begin; i < rows.row_elements; i += grid_step) {
    const NoisedValue value =
        row < rows.frames ? entering(rows, row, i) : moving_on(rows, row, step, i);
    const std::int64_t at = row * rows.row_elements + i;
    rows.x[at] = value.x;
    rows.stock[at] = value.stock;
    rows.unet[rows.negative_rows * rows.row_elements + at] = value.x;
    if (row < rows.negative_rows) rows.unet[at] = value.x;
  }
}

/// grid (values, stream rows)
__global__ void denoise_rows(DenoisingRows rows) {
  const int row = static_cast<int>(blockIdx.y), step = row / rows.frames;
  const std::int64_t all = static_cast<std::int64_t>(rows.stream_rows) * rows.row_elements;
  const bool has_negative = row < rows.negative_rows, is_last = step == rows.steps_count - 1;
  const StepCoefficients s = rows.steps[step];
  const Reference reference = reference_of(rows.cfg, rows.guided, has_negative);
  const bool directly = is_direct(rows.prediction_type, reference, s.a);
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t grid_step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = begin; i < rows.row_elements; i += grid_step) {
    const std::int64_t at = row * rows.row_elements + i;
    const StepInputs in{rows.x[at], rows.stock[at],
                        rows.prediction[rows.negative_rows * rows.row_elements + at],
                        has_negative ? rows.prediction[at] : 0.0F};
    const DenoisedValue value =
        directly
            ? denoised_directly(s, rows.prediction_type, reference == Reference::negative,
                                rows.scale, in)
            : denoised_by_noise(s, rows.prediction_type, reference, rows.scale, rows.delta, in);
    if (!is_finite(value.x0)) rows.broken_rows[row] = 1;
    rows.waiting[at] = value.x0;
    rows.waiting[all + at] = value.e;
    rows.waiting[2 * all + at] = value.gain;
    if (is_last)
      rows.finished[(row - (rows.stream_rows - rows.frames)) * rows.row_elements + i] =
          finished(s, value.x0, value.e);
  }
}

}  // namespace streamdiffusion::backend::cuda
