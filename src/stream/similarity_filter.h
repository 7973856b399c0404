// The paper's stochastic similarity filter. A frame that resembles the last processed one is
// skipped, with a probability that grows with their cosine similarity.
// docs/algorithm.md, section 7.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace streamdiffusion::stream {

/// Cosine of two images whose values are taken as 2u - 255 (so as in -1..1), from exact integer
/// sums. Not empty, of one size.
double cosine_similarity(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

/// max(0, (similarity - threshold) / (1 - threshold)); 0 for a threshold of 1 or more.
double skip_probability(double similarity, double threshold);

class SimilarityFilter {
 public:
  /// Draws come from std::mt19937_64(seed) as 53-bit uniforms, one a frame compared. The rest as in
  /// configure().
  SimilarityFilter(std::uint64_t seed, float threshold, int max_skip_frame) : random_(seed) {
    configure(threshold, max_skip_frame);
  }

  /// threshold 0..1. After max_skip_frame + 1 skips in a row (the original's count; a frame
  /// processed by chance starts it anew) one frame is processed whatever it looks like.
  void configure(float threshold, int max_skip_frame);
  /// True if the frame should be processed; it is then what later ones are compared with. The first
  /// frame, and one of another size than the last, always are.
  bool process(std::span<const std::uint8_t> frame);
  void reset() { reference_.clear(); }

 private:
  std::mt19937_64 random_;
  double threshold_ = 0;
  int max_skip_frame_ = 0;
  int skipped_ = 0;
  std::vector<std::uint8_t> reference_;
};

}  // namespace streamdiffusion::stream
