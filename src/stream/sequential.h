// All steps of a batch of frames one after another, with the stream batch's own noise and
// arithmetic: the oracle of the stream batch, and what `use_denoising_batch = false` runs.
// docs/algorithm.md, section 4.
#pragma once

#include "stream/stream_batch.h"

namespace streamdiffusion::stream {

class Sequential {
 public:
  /// A UNet call has the rows of RowLayout{1, frames, cfg}.
  Sequential(int frames, CfgType cfg, const LatentShape& shape, StreamParameters parameters);

  void set(const StreamParameters& parameters);
  const StreamParameters& parameters() const { return parameters_; }
  const RowLayout& layout() const { return layout_; }
  int steps() const { return static_cast<int>(parameters_.steps.size()); }

  /// Starts with clean latents z, or with pure noise x, [frames, h, w, c].
  void begin(std::span<const float> z);
  void begin_noise(std::span<const float> x);
  /// The UNet's input and the timestep of its rows for a step; steps in order.
  void enter(int step, std::span<float> unet_input, std::span<float> timesteps);
  /// Takes the UNet's prediction for that step. Throws numeric naming the step.
  void leave(int step, std::span<const float> prediction);
  /// After the last step: [frames, h, w, c].
  std::span<const float> result() const { return x0_; }

 private:
  RowLayout layout_;
  LatentShape shape_;
  StreamParameters parameters_;
  StepNoise noise_;
  std::vector<float> x_, stock_, x0_, e_, gain_;
};

}  // namespace streamdiffusion::stream
