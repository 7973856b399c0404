// The noise that frames meet: of each step, and of frames that come from text alone. Noise of
// several seeds is blended. docs/algorithm.md, section 6.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "stream/torch_noise.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::stream {

struct LatentShape {
  std::int64_t h = 0, w = 0, c = 0;
  std::size_t size() const { return static_cast<std::size_t>(h * w * c); }
};

/// Seeds and their shares; at least one, with a weight above 0.
struct SeedBlend {
  std::vector<WeightedSeed> seeds = std::vector<WeightedSeed>(1);
  Interpolation how = Interpolation::slerp;
  bool operator==(const SeedBlend&) const = default;
};

/// The noise of one seed, [steps, h, w, c], in the order in which torch fills [steps, c, h, w].
std::vector<float> noise_table(std::uint64_t seed, int steps, const LatentShape& shape);

/// One noise a step, shared by every frame: a still input gives a still output.
class StepNoise {
 public:
  StepNoise(int steps, const LatentShape& shape, const SeedBlend& blend);

  /// Draws what is new, and blends. Nothing is drawn where the weights alone differ.
  void set(const SeedBlend& blend);
  /// [steps, h, w, c]
  std::span<const float> all() const { return blended_; }
  /// [h, w, c]
  const float* step(int step) const {
    return blended_.data() + static_cast<std::size_t>(step) * shape_.size();
  }

 private:
  int steps_;
  LatentShape shape_;
  SeedBlend blend_;
  /// By seed: those of the blend.
  std::map<std::int64_t, std::vector<float>> tables_;
  std::vector<float> blended_;
};

/// New noise for every frame (text to image). A seed's draws go on from frame to frame as long as
/// it is in the blend.
class FrameNoise {
 public:
  FrameNoise(const LatentShape& shape, const SeedBlend& blend) : shape_(shape) { set(blend); }

  void set(const SeedBlend& blend);
  /// The next frame's noise, [h, w, c].
  void draw(std::span<float> out);

 private:
  LatentShape shape_;
  SeedBlend blend_;
  std::map<std::int64_t, TorchGenerator> generators_;
};

}  // namespace streamdiffusion::stream
