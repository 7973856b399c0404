#include "session/emphasis.h"

#include <cmath>
#include <numeric>

namespace streamdiffusion::session {

void emphasize(std::span<float> embedding, std::span<const float> weights) {
  const auto sum = [&] { return std::accumulate(embedding.begin(), embedding.end(), 0.0); };
  const double before = sum();
  const std::size_t width = embedding.size() / weights.size();
  for (std::size_t i = 0; i < embedding.size(); ++i) embedding[i] *= weights[i / width];
  const double factor = before / sum();
  if (!std::isfinite(factor) || factor <= 0) return;
  for (float& value : embedding) value = static_cast<float>(value * factor);
}

}  // namespace streamdiffusion::session
