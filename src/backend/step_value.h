// One value of a row of the stream batch: how it enters a denoising step, and what the step makes
// of it. One text for processors (stream/denoise.cpp) and cards (cuda/kernels/stream_step.cuh).
// docs/algorithm.md, sections 3 and 5.
#pragma once

#include "streamdiffusion/options.h"

namespace streamdiffusion::backend {

/// With a smaller a, as only zero terminal SNR has it, a velocity that becomes a noise and is
/// divided by a again would lose bits.
constexpr float kLittleImage = 0.05F;

/// Where the reference noise of the guidance comes from.
enum class Reference { none, negative, stock, negative_as_stock };

/// `active`: whether there is guidance; `has_negative`: whether the row has a prediction under the
/// negative prompt.
constexpr Reference reference_of(CfgType cfg, bool active, bool has_negative) {
  if (cfg == CfgType::full) return active ? Reference::negative : Reference::none;
  if (cfg == CfgType::initialize && has_negative) return Reference::negative_as_stock;
  return cfg == CfgType::none ? Reference::none : Reference::stock;
}

/// Whether guidance is between predictions, and not between noises: nothing is divided by a then,
/// which may be 0. No other guidance than that by negative prompts has a meaning there.
constexpr bool is_direct(PredictionType kind, Reference reference, float a) {
  if (reference != Reference::none && reference != Reference::negative) return false;
  return kind == PredictionType::sample || (kind == PredictionType::v && a < kLittleImage);
}

/// What enters a step: the noised latent, and the virtual negative noise of residual guidance.
struct NoisedValue {
  float x, stock;
};

/// The value of a row that goes on from the step before with its clean latent, noise and gain
/// (stream::Waiting), under noise `fresh`. `s`: schedule::DenoisingStep, or its members; `ratio` is
/// s.a / s.b.
template <typename Step>
constexpr NoisedValue noised(const Step& s, float ratio, float x0, float e, float gain,
                             float fresh) {
  const float all = s.q * e + s.r * fresh;
  return {s.a * x0 + all, all / s.b + ratio * gain};
}

/// The same where all noise is fresh: s.q is 0, and s.r is s.b.
template <typename Step>
constexpr NoisedValue noised_anew(const Step& s, float ratio, float x0, float gain, float fresh) {
  return {s.a * x0 + s.b * fresh, fresh + ratio * gain};
}

/// What a step makes of a value; as stream::Denoised.
struct DenoisedValue {
  float x0, e, gain;
};

/// What a step takes.
struct StepInputs {
  float x, stock, positive, negative;
};

/// The noise in x that a prediction stands for.
template <typename Step>
constexpr float noise_of(PredictionType kind, float prediction, float x, const Step& s) {
  if (kind == PredictionType::v) return s.a * prediction + s.b * x;
  if (kind == PredictionType::sample) return (x - s.a * prediction) / s.b;
  return prediction;
}

constexpr float guided(float positive, float reference, float scale) {
  return scale == 1.0F ? positive : reference + scale * (positive - reference);
}

/// Guidance between noises, of which the clean latent follows: x0 = (x - b e) / a. Without active
/// guidance `scale` is 1.
template <typename Step>
constexpr DenoisedValue denoised_by_noise(const Step& s, PredictionType kind, Reference reference,
                                          float scale, float delta, const StepInputs& in) {
  const float cond = noise_of(kind, in.positive, in.x, s);
  float virtual_noise = 0.0F, u = cond;
  if (reference == Reference::negative) {
    u = noise_of(kind, in.negative, in.x, s);
  } else if (reference == Reference::stock) {
    virtual_noise = in.stock;
    u = delta * virtual_noise;
  } else if (reference == Reference::negative_as_stock) {
    virtual_noise = noise_of(kind, in.negative, in.x, s);
    u = delta * virtual_noise;
  }
  const float e = guided(cond, u, scale);
  return {s.c_out * (in.x - s.b * e) / s.a + s.c_skip * in.x, e,
          s.c_out * (s.b * virtual_noise - s.b * e) / s.a + s.c_skip * s.b * virtual_noise};
}

/// Guidance between velocities, or between clean latents. Such a row has no gain.
template <typename Step>
constexpr DenoisedValue denoised_directly(const Step& s, PredictionType kind, bool negative,
                                          float scale, const StepInputs& in) {
  const float prediction = negative ? guided(in.positive, in.negative, scale) : in.positive;
  const float x0 = kind == PredictionType::v ? s.a * in.x - s.b * prediction : prediction;
  return {s.c_out * x0 + s.c_skip * in.x, noise_of(kind, prediction, in.x, s), 0.0F};
}

/// What leaves after the last step.
template <typename Step>
constexpr float finished(const Step& last, float x0, float e) {
  return last.out_b == 0.0F ? x0 : last.out_a * x0 + last.out_b * e;
}

}  // namespace streamdiffusion::backend
