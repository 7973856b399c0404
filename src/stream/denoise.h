// The arithmetic of one row, in f32 and one pass: form the latent that enters a step, and take one
// guided denoising step.
// docs/algorithm.md, sections 3 and 5.
#pragma once

#include <cstddef>

#include "schedule/schedule.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::stream {

struct Guidance {
  CfgType cfg = CfgType::none;
  /// At 1 or less there is no guidance, whatever the type.
  float scale = 1.0F;
  float delta = 1.0F;

  bool active() const { return cfg != CfgType::none && scale > 1.0F; }
};

/// A row between two denoising steps: its clean prediction x0, the guided noise e, and the part of
/// the next step's stock noise that this step determined (docs/algorithm.md, section 5). Kept
/// instead of the noised latent, so that the constants may change in between.
struct Waiting {
  const float* x0;
  const float* e;
  const float* gain;
};

/// x = a x0 + q e + r noise and stock = (a gain + q e + r noise) / b, for a row that enters step
/// `step`; without `noise` (null) its terms are left out.
void noise_row(const schedule::DenoisingStep& step, Waiting from, const float* noise, std::size_t n,
               float* x, float* stock);

/// What leaves after the last step: out_a x0 + out_b e. `out` may be x0.
void finish_row(const schedule::DenoisingStep& last, const float* x0, const float* e, std::size_t n,
                float* out);

/// The UNet's output for a row.
struct Predictions {
  const float* positive;
  /// Null where the layout has none for this row.
  const float* negative;
};

/// What a step makes of a row: what waits for the next step. Only residual guidance reads `gain`.
struct Denoised {
  float* x0;
  float* e;
  float* gain;
};

/// Takes one denoising step. `stock` is the virtual negative noise (replaced by the negative
/// prediction for initialize). Returns false if x0 is not finite.
bool denoise_row(const schedule::DenoisingStep& step, PredictionType kind, const Guidance& guidance,
                 const float* x, const float* stock, Predictions predictions, std::size_t n,
                 Denoised out);

}  // namespace streamdiffusion::stream
