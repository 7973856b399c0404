#include "stream/denoise.h"

#include <algorithm>

#include "backend/step_value.h"

namespace streamdiffusion::stream {
namespace {

using backend::Reference;
using schedule::DenoisingStep;

template <PredictionType kKind, Reference kReference>
bool denoise_by_noise(const DenoisingStep& s, const Guidance& g, const float* x, const float* stock,
                      Predictions p, std::size_t n, Denoised out) {
  constexpr bool kNegative =
      kReference == Reference::negative || kReference == Reference::negative_as_stock;
  const float scale = g.active() ? g.scale : 1.0F;
  // x * 0 is 0 for a finite x and NaN for any other, and a sum with a NaN in it stays NaN. This
  // finds a value that is not finite without a branch in the loop.
  float nan_sum = 0.0F;
  for (std::size_t i = 0; i < n; ++i) {
    const auto value =
        backend::denoised_by_noise(s, kKind, kReference, scale, g.delta,
                                   {x[i], kReference == Reference::stock ? stock[i] : 0.0F,
                                    p.positive[i], kNegative ? p.negative[i] : 0.0F});
    out.x0[i] = value.x0;
    out.e[i] = value.e;
    out.gain[i] = value.gain;
    nan_sum += value.x0 * 0.0F;
  }
  return nan_sum == 0.0F;
}

template <PredictionType kKind, bool kNegative>
bool denoise_directly(const DenoisingStep& s, const Guidance& g, const float* x, Predictions p,
                      std::size_t n, Denoised out) {
  const float scale = g.active() ? g.scale : 1.0F;
  float nan_sum = 0.0F;
  for (std::size_t i = 0; i < n; ++i) {
    const auto value = backend::denoised_directly(
        s, kKind, kNegative, scale, {x[i], 0.0F, p.positive[i], kNegative ? p.negative[i] : 0.0F});
    out.x0[i] = value.x0;
    out.e[i] = value.e;
    nan_sum += value.x0 * 0.0F;
  }
  return nan_sum == 0.0F;
}

template <PredictionType kKind>
bool denoise(Reference reference, const DenoisingStep& s, const Guidance& g, const float* x,
             const float* stock, Predictions p, std::size_t n, Denoised out) {
  const bool directly = backend::is_direct(kKind, reference, s.a);
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
  const auto fresh = [&](std::size_t i) { return noise == nullptr ? 0.0F : noise[i]; };
  const auto set = [&](std::size_t i, backend::NoisedValue value) {
    x[i] = value.x;
    stock[i] = value.stock;
  };
  if (step.q == 0.0F) {
    for (std::size_t i = 0; i < n; ++i)
      set(i, backend::noised_anew(step, ratio, from.x0[i], from.gain[i], fresh(i)));
    return;
  }
  for (std::size_t i = 0; i < n; ++i)
    set(i, backend::noised(step, ratio, from.x0[i], from.e[i], from.gain[i], fresh(i)));
}

void finish_row(const DenoisingStep& last, const float* x0, const float* e, std::size_t n,
                float* out) {
  if (last.out_b == 0.0F) {
    if (out != x0) std::copy_n(x0, n, out);
    return;
  }
  for (std::size_t i = 0; i < n; ++i) out[i] = backend::finished(last, x0[i], e[i]);
}

bool denoise_row(const DenoisingStep& step, PredictionType kind, const Guidance& guidance,
                 const float* x, const float* stock, Predictions predictions, std::size_t n,
                 Denoised out) {
  const Reference reference =
      backend::reference_of(guidance.cfg, guidance.active(), predictions.negative != nullptr);
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
