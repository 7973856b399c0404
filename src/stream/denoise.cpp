#include "stream/denoise.h"

namespace streamdiffusion::stream {
namespace {

/// Where the reference noise of the guidance comes from.
enum class Reference { none, negative, stock, negative_as_stock };

Reference reference_of(const Guidance& guidance, bool has_negative) {
  if (guidance.cfg == CfgType::full)
    return guidance.active() ? Reference::negative : Reference::none;
  if (guidance.cfg == CfgType::initialize && has_negative) return Reference::negative_as_stock;
  return guidance.cfg == CfgType::none ? Reference::none : Reference::stock;
}

template <bool kVelocity>
float noise_of(float prediction, float x, const schedule::DenoisingStep& s) {
  return kVelocity ? s.a * prediction + s.b * x : prediction;
}

template <bool kVelocity, Reference kReference>
bool denoise(const schedule::DenoisingStep& s, const Guidance& g, const float* x,
             const float* stock, Predictions p, std::size_t n, float* x0, float* gain) {
  const float scale = g.active() ? g.scale : 1.0F;
  // x * 0 is 0 for a finite x and NaN for any other, and a sum with a NaN in it stays NaN. This
  // finds a value that is not finite without a branch in the loop.
  float nan_sum = 0.0F;
  for (std::size_t i = 0; i < n; ++i) {
    const float cond = noise_of<kVelocity>(p.positive[i], x[i], s);
    float virtual_noise = 0.0F, u = cond;
    if constexpr (kReference == Reference::negative) {
      u = noise_of<kVelocity>(p.negative[i], x[i], s);
    } else if constexpr (kReference == Reference::stock) {
      virtual_noise = stock[i];
      u = g.delta * virtual_noise;
    } else if constexpr (kReference == Reference::negative_as_stock) {
      virtual_noise = noise_of<kVelocity>(p.negative[i], x[i], s);
      u = g.delta * virtual_noise;
    }
    const float e = scale == 1.0F ? cond : u + scale * (cond - u);
    const float clean = s.c_out * (x[i] - s.b * e) / s.a + s.c_skip * x[i];
    x0[i] = clean;
    gain[i] = s.c_out * (s.b * virtual_noise - s.b * e) / s.a + s.c_skip * s.b * virtual_noise;
    nan_sum += clean * 0.0F;
  }
  return nan_sum == 0.0F;
}

template <bool kVelocity>
bool denoise(Reference reference, const schedule::DenoisingStep& s, const Guidance& g,
             const float* x, const float* stock, Predictions p, std::size_t n, float* x0,
             float* gain) {
  switch (reference) {
    case Reference::none:
      return denoise<kVelocity, Reference::none>(s, g, x, stock, p, n, x0, gain);
    case Reference::negative:
      return denoise<kVelocity, Reference::negative>(s, g, x, stock, p, n, x0, gain);
    case Reference::stock:
      return denoise<kVelocity, Reference::stock>(s, g, x, stock, p, n, x0, gain);
    case Reference::negative_as_stock:
      return denoise<kVelocity, Reference::negative_as_stock>(s, g, x, stock, p, n, x0, gain);
  }
  return false;
}

}  // namespace

void noise_row(const schedule::DenoisingStep& step, Waiting from, const float* noise, std::size_t n,
               float* x, float* stock) {
  const float ratio = step.a / step.b;
  for (std::size_t i = 0; i < n; ++i) {
    const float fresh = noise == nullptr ? 0.0F : noise[i];
    x[i] = step.a * from.x0[i] + step.b * fresh;
    stock[i] = fresh + ratio * from.gain[i];
  }
}

bool denoise_row(const schedule::DenoisingStep& step, schedule::PredictionType kind,
                 const Guidance& guidance, const float* x, const float* stock,
                 Predictions predictions, std::size_t n, float* x0, float* gain) {
  const Reference reference = reference_of(guidance, predictions.negative != nullptr);
  return kind == schedule::PredictionType::v
             ? denoise<true>(reference, step, guidance, x, stock, predictions, n, x0, gain)
             : denoise<false>(reference, step, guidance, x, stock, predictions, n, x0, gain);
}

}  // namespace streamdiffusion::stream
