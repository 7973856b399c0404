#include "stream/denoise.h"

#include <algorithm>

namespace streamdiffusion::stream {
namespace {

using schedule::DenoisingStep;

/// With a smaller a, as only zero terminal SNR has it, a velocity that becomes a noise and is
/// divided by a again would lose bits.
constexpr float kLittleImage = 0.05F;

/// Where the reference noise of the guidance comes from.
enum class Reference { none, negative, stock, negative_as_stock };

Reference reference_of(const Guidance& guidance, bool has_negative) {
  if (guidance.cfg == CfgType::full)
    return guidance.active() ? Reference::negative : Reference::none;
  if (guidance.cfg == CfgType::initialize && has_negative) return Reference::negative_as_stock;
  return guidance.cfg == CfgType::none ? Reference::none : Reference::stock;
}

/// The noise in x that a prediction stands for.
template <PredictionType kKind>
float noise_of(float prediction, float x, const DenoisingStep& s) {
  if constexpr (kKind == PredictionType::v) return s.a * prediction + s.b * x;
  if constexpr (kKind == PredictionType::sample) return (x - s.a * prediction) / s.b;
  return prediction;
}

float guided(float positive, float reference, float scale) {
  return scale == 1.0F ? positive : reference + scale * (positive - reference);
}

/// Guidance between noises, of which the clean latents follow: x0 = (x - b e) / a.
template <PredictionType kKind, Reference kReference>
bool denoise_by_noise(const DenoisingStep& s, const Guidance& g, const float* x, const float* stock,
                      Predictions p, std::size_t n, Denoised out) {
  const float scale = g.active() ? g.scale : 1.0F;
  // x * 0 is 0 for a finite x and NaN for any other, and a sum with a NaN in it stays NaN. This
  // finds a value that is not finite without a branch in the loop.
  float nan_sum = 0.0F;
  for (std::size_t i = 0; i < n; ++i) {
    const float cond = noise_of<kKind>(p.positive[i], x[i], s);
    float virtual_noise = 0.0F, u = cond;
    if constexpr (kReference == Reference::negative) {
      u = noise_of<kKind>(p.negative[i], x[i], s);
    } else if constexpr (kReference == Reference::stock) {
      virtual_noise = stock[i];
      u = g.delta * virtual_noise;
    } else if constexpr (kReference == Reference::negative_as_stock) {
      virtual_noise = noise_of<kKind>(p.negative[i], x[i], s);
      u = g.delta * virtual_noise;
    }
    const float e = guided(cond, u, scale);
    const float clean = s.c_out * (x[i] - s.b * e) / s.a + s.c_skip * x[i];
    out.x0[i] = clean;
    out.e[i] = e;
    out.gain[i] = s.c_out * (s.b * virtual_noise - s.b * e) / s.a + s.c_skip * s.b * virtual_noise;
    nan_sum += clean * 0.0F;
  }
  return nan_sum == 0.0F;
}

/// Guidance between velocities, or between clean latents: nothing is divided by a, which may be 0.
template <PredictionType kKind, bool kNegative>
bool denoise_directly(const DenoisingStep& s, const Guidance& g, const float* x, Predictions p,
                      std::size_t n, Denoised out) {
  constexpr bool kVelocity = kKind == PredictionType::v;
  const float scale = g.active() ? g.scale : 1.0F;
  float nan_sum = 0.0F;
  for (std::size_t i = 0; i < n; ++i) {
    float prediction = p.positive[i];
    if constexpr (kNegative) prediction = guided(prediction, p.negative[i], scale);
    const float x0 = kVelocity ? s.a * x[i] - s.b * prediction : prediction;
    const float clean = s.c_out * x0 + s.c_skip * x[i];
    out.x0[i] = clean;
    out.e[i] = noise_of<kKind>(prediction, x[i], s);
    nan_sum += clean * 0.0F;
  }
  return nan_sum == 0.0F;
}

template <PredictionType kKind>
bool denoise(Reference reference, const DenoisingStep& s, const Guidance& g, const float* x,
             const float* stock, Predictions p, std::size_t n, Denoised out) {
  const bool directly =
      kKind == PredictionType::sample || (kKind == PredictionType::v && s.a < kLittleImage);
  switch (reference) {
    case Reference::none:
      return directly ? denoise_directly<kKind, false>(s, g, x, p, n, out)
                      : denoise_by_noise<kKind, Reference::none>(s, g, x, stock, p, n, out);
    case Reference::negative:
      return directly ? denoise_directly<kKind, true>(s, g, x, p, n, out)
                      : denoise_by_noise<kKind, Reference::negative>(s, g, x, stock, p, n, out);
    case Reference::stock:
      return denoise_by_noise<kKind, Reference::stock>(s, g, x, stock, p, n, out);
    case Reference::negative_as_stock:
      return denoise_by_noise<kKind, Reference::negative_as_stock>(s, g, x, stock, p, n, out);
  }
  return false;
}

}  // namespace

void noise_row(const DenoisingStep& step, Waiting from, const float* noise, std::size_t n, float* x,
               float* stock) {
  const float ratio = step.a / step.b;
  if (step.q == 0.0F) {  // all noise is fresh
    for (std::size_t i = 0; i < n; ++i) {
      const float fresh = noise == nullptr ? 0.0F : noise[i];
      x[i] = step.a * from.x0[i] + step.b * fresh;
      stock[i] = fresh + ratio * from.gain[i];
    }
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const float fresh = noise == nullptr ? 0.0F : noise[i];
    const float all = step.q * from.e[i] + step.r * fresh;
    x[i] = step.a * from.x0[i] + all;
    stock[i] = all / step.b + ratio * from.gain[i];
  }
}

void finish_row(const DenoisingStep& last, const float* x0, const float* e, std::size_t n,
                float* out) {
  if (last.out_b == 0.0F) {
    if (out != x0) std::copy_n(x0, n, out);
    return;
  }
  for (std::size_t i = 0; i < n; ++i) out[i] = last.out_a * x0[i] + last.out_b * e[i];
}

bool denoise_row(const DenoisingStep& step, PredictionType kind, const Guidance& guidance,
                 const float* x, const float* stock, Predictions predictions, std::size_t n,
                 Denoised out) {
  const Reference reference = reference_of(guidance, predictions.negative != nullptr);
  switch (kind) {
    case PredictionType::epsilon:
      return denoise<PredictionType::epsilon>(reference, step, guidance, x, stock, predictions, n,
                                              out);
    case PredictionType::v:
      return denoise<PredictionType::v>(reference, step, guidance, x, stock, predictions, n, out);
    case PredictionType::sample:
      return denoise<PredictionType::sample>(reference, step, guidance, x, stock, predictions, n,
                                             out);
  }
  return false;
}

}  // namespace streamdiffusion::stream
