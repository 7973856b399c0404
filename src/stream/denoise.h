// The arithmetic of one row, in f32 and one pass: noise a latent for a step, and take one guided
// LCM step.
// docs/algorithm.md, sections 3 and 5.
#pragma once

#include <cstddef>

#include "schedule/lcm_schedule.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::stream {

struct Guidance {
  CfgType cfg = CfgType::none;
  /// At 1 or less there is no guidance, whatever the type.
  float scale = 1.0F;
  float delta = 1.0F;

  bool active() const { return cfg != CfgType::none && scale > 1.0F; }
};

/// A row between two denoising steps: its clean prediction x0, and the part of the next step's
/// stock noise that this step determined (docs/algorithm.md, section 5). Kept instead of the noised
/// latent, so that the constants may change in between.
struct Waiting {
  const float* x0;
  const float* gain;
};

/// x = a x0 + b noise and stock = noise + a gain / b, for a row that enters step `step`; without
/// `noise` (null) nothing is added to either.
void noise_row(const schedule::DenoisingStep& step, Waiting from, const float* noise, std::size_t n,
               float* x, float* stock);

/// The UNet's output for a row.
struct Predictions {
  const float* positive;
  /// Null where the layout has none for this row.
  const float* negative;
};

/// Takes one denoising step. `stock` is the virtual negative noise (replaced by the negative
/// prediction for initialize). Writes x0 and gain. Returns false if x0 is not finite.
bool denoise_row(const schedule::DenoisingStep& step, schedule::PredictionType kind,
                 const Guidance& guidance, const float* x, const float* stock,
                 Predictions predictions, std::size_t n, float* x0, float* gain);

}  // namespace streamdiffusion::stream
