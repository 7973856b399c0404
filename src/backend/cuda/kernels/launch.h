// Launches of the kernels, callable from plain C++. All pointers are device memory; all work goes
// to `stream` and none of these functions waits.
//
// Activations are f32, bf16 or f16. Weights of norms and embeddings and row biases are f32. Each
// function throws unsupported for types or shapes beyond its limits, and internal if the launch
// fails.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/stream_step.h"
#include "graph/op.h"
#include "tensor/tensor.h"

struct CUstream_st;

namespace streamdiffusion::backend::cuda {

using Stream = CUstream_st*;

void launch_add(const tensor::View& a, const tensor::View& b, const tensor::View& y, Stream stream);
void launch_add_scaled(const graph::AddScaled& op, const tensor::View& a, const tensor::View& b,
                       const tensor::View& scales, const tensor::View& y, Stream stream);
void launch_act(graph::Activation activation, const tensor::View& x, const tensor::View& y,
                Stream stream);

/// Also between u8, i32 and floats. y may have more channels than x; they become 0.
void launch_convert(const graph::Convert& op, const tensor::View& x, const tensor::View& y,
                    Stream stream);

/// What a library's convolution cannot add itself; null pointers are left out.
struct BiasTerms {
  /// [channels], type of x.
  const void* bias = nullptr;
  /// [rows, channels], f32.
  const float* row_bias = nullptr;
  /// As x.
  const void* residual = nullptr;
  graph::Activation act = graph::Activation::none;
};
void launch_add_bias(const BiasTerms& terms, const tensor::View& x, const tensor::View& y,
                     Stream stream);

/// x: [n, h, w, 2c], y: [n, h, w, c].
void launch_geglu_gate(const tensor::View& x, const tensor::View& y, Stream stream);

void launch_upsample_nearest(const tensor::View& x, const tensor::View& y, Stream stream);
void launch_concat_channels(const tensor::View& a, const tensor::View& b, const tensor::View& y,
                            Stream stream);
void launch_slice_channels(const graph::SliceChannels& op, const tensor::View& x,
                           const tensor::View& y, Stream stream);

void launch_embedding(const graph::Embedding& op, const tensor::View& ids, const float* token_table,
                      const float* position_table, const tensor::View& y, Stream stream);
void launch_timestep_embedding(const graph::TimestepEmbedding& op, const tensor::View& timesteps,
                               const tensor::View& y, Stream stream);

struct GroupNormInputs {
  tensor::View first;
  /// data is null if there is one input.
  tensor::View second;
  /// [rows, channels] added to the input, or null: a convolution's row bias, added here for
  /// nothing.
  const float* row_bias = nullptr;
  const float* weight = nullptr;
  const float* bias = nullptr;
};
/// Bytes of workspace that launch_group_norm needs.
std::size_t group_norm_workspace(const graph::GroupNorm& op, const tensor::Shape& output);
void launch_group_norm(const graph::GroupNorm& op, const GroupNormInputs& inputs,
                       const tensor::View& y, void* workspace, Stream stream);

void launch_layer_norm(const graph::LayerNorm& op, const tensor::View& x, const float* weight,
                       const float* bias, const tensor::View& y, Stream stream);

/// What an op keeps from call to call, in the type of its activations: [rows][slots][a slot].
struct KeptSlots {
  void* data = nullptr;
  int slots = 0;
  /// i32 [rows, 1, 1, entries], as graph::Attention documents them.
  tensor::View entries;
};
/// Copies each row of x into its own slot, as part `part` of `parts` equal ones.
void launch_keep_rows(const tensor::View& x, const KeptSlots& to, int part, int parts,
                      Stream stream);

/// kv_rows: op.kv_rows in device memory. With op.slots, `kept` has keys and values, the call's own
/// among them, and k and v are not read.
void launch_attention(const graph::Attention& op, const tensor::View& q, const tensor::View& k,
                      const tensor::View& v, const int* kv_rows, const KeptSlots& kept,
                      const tensor::View& y, Stream stream);

void launch_inject_features(const tensor::View& x, const tensor::View& residual,
                            const KeptSlots& kept, const tensor::View& settings,
                            const tensor::View& y, Stream stream);

/// Rows of a stream batch that enter a step; StreamStep::enter().
struct EnteringRows {
  /// New frames, [frames][row]: latents, or noise.
  const float* fresh;
  /// A row: settings.feedback.
  const float* last;
  /// [x0, e, gain][stream rows][row], of the last call.
  const float* waiting;
  /// [steps][row]
  const float* noise;
  const StepCoefficients* steps;
  /// [frames], set to 1 where a new frame is not finite.
  std::int32_t* broken_frames;
  /// [stream rows][row]
  float *x, *stock;
  /// [negative rows, then stream rows][row]
  float* unet;
  int frames, stream_rows, negative_rows;
  std::int64_t row_elements;
  bool from_noise, add_noise;
  float feedback;
};
void launch_enter_rows(const EnteringRows& rows, Stream stream);

/// Rows that take their step; StreamStep::leave().
struct DenoisingRows {
  /// As EnteringRows::unet.
  const float* prediction;
  const float *x, *stock;
  const StepCoefficients* steps;
  /// [stream rows], set to 1 where a row is not finite.
  std::int32_t* broken_rows;
  float* waiting;
  /// [frames][row], of the last step.
  float* finished;
  int steps_count, frames, stream_rows, negative_rows;
  std::int64_t row_elements;
  PredictionType prediction_type;
  CfgType cfg;
  bool guided;
  float scale, delta;
};
void launch_denoise_rows(const DenoisingRows& rows, Stream stream);

}  // namespace streamdiffusion::backend::cuda
