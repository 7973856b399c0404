#include "stream/step_noise.h"

#include <algorithm>
#include <cmath>

#include "stream/blend.h"

namespace streamdiffusion::stream {
namespace {

/// The weighted sum of independent normal noise has a variance of sum w^2 / (sum w)^2, which a
/// straight line is divided by. On a great circle the variance stays: the noise of two seeds is
/// nearly orthogonal and of nearly one length.
std::vector<float> blend_noise(std::span<const WeightedValues> noises, Interpolation how) {
  std::vector<float> sum = blend(noises, how);
  if (how != Interpolation::linear || noises.size() == 1) return sum;
  double weights = 0, squares = 0;
  for (const WeightedValues& noise : noises) {
    weights += noise.weight;
    squares += static_cast<double>(noise.weight) * noise.weight;
  }
  const auto gain = static_cast<float>(weights / std::sqrt(squares));
  for (float& value : sum) value *= gain;
  return sum;
}

bool contains(const SeedBlend& blend, std::int64_t seed) {
  return std::ranges::any_of(blend.seeds,
                             [seed](const WeightedSeed& each) { return each.seed == seed; });
}

}  // namespace

std::vector<float> noise_table(std::uint64_t seed, int steps, const LatentShape& shape) {
  std::vector<float> table(static_cast<std::size_t>(steps) * shape.size());
  TorchGenerator generator(seed);
  randn_nhwc(generator, steps, shape.c, shape.h, shape.w, table);
  return table;
}

StepNoise::StepNoise(int steps, const LatentShape& shape, const SeedBlend& blend)
    : steps_(steps), shape_(shape), blended_(static_cast<std::size_t>(steps) * shape.size()) {
  set(blend);
}

void StepNoise::set(const SeedBlend& blend) {
  if (blend == blend_ && !tables_.empty()) return;
  blend_ = blend;
  std::erase_if(tables_, [&](const auto& entry) { return !contains(blend, entry.first); });
  for (const WeightedSeed& each : blend.seeds) {
    if (tables_.contains(each.seed)) continue;
    tables_[each.seed] = noise_table(static_cast<std::uint64_t>(each.seed), steps_, shape_);
  }
  for (int step = 0; step < steps_; ++step) {
    const std::size_t at = static_cast<std::size_t>(step) * shape_.size();
    std::vector<WeightedValues> noises;
    for (const WeightedSeed& each : blend.seeds)
      noises.push_back({std::span(tables_.at(each.seed)).subspan(at, shape_.size()), each.weight});
    std::ranges::copy(blend_noise(noises, blend.how),
                      blended_.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

void FrameNoise::set(const SeedBlend& blend) {
  blend_ = blend;
  std::erase_if(generators_, [&](const auto& entry) { return !contains(blend, entry.first); });
  for (const WeightedSeed& each : blend.seeds)
    generators_.try_emplace(each.seed, static_cast<std::uint64_t>(each.seed));
}

void FrameNoise::draw(std::span<float> out) {
  std::map<std::int64_t, std::vector<float>> drawn;
  for (auto& [seed, generator] : generators_) {
    drawn[seed].resize(out.size());
    randn_nhwc(generator, 1, shape_.c, shape_.h, shape_.w, drawn[seed]);
  }
  std::vector<WeightedValues> noises;
  for (const WeightedSeed& each : blend_.seeds)
    noises.push_back({drawn.at(each.seed), each.weight});
  std::ranges::copy(blend_noise(noises, blend_.how), out.begin());
}

}  // namespace streamdiffusion::stream
