#include "stream/similarity_filter.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace streamdiffusion::stream {

double cosine_similarity(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  constexpr std::size_t kBlock = 16384;  // 16384 * 255^2 fits 32 bits
  std::int64_t aa = 0, bb = 0, ab = 0;
  for (std::size_t first = 0; first < a.size(); first += kBlock) {
    std::int32_t block_aa = 0, block_bb = 0, block_ab = 0;
    for (std::size_t i = first; i < std::min(first + kBlock, a.size()); ++i) {
      const int u = 2 * a[i] - 255, v = 2 * b[i] - 255;
      block_aa += u * u;
      block_bb += v * v;
      block_ab += u * v;
    }
    aa += block_aa;
    bb += block_bb;
    ab += block_ab;
  }
  return static_cast<double>(ab) /
         (std::sqrt(static_cast<double>(aa)) * std::sqrt(static_cast<double>(bb)));
}

double skip_probability(double similarity, double threshold) {
  return threshold >= 1.0 ? 0.0 : std::max(0.0, (similarity - threshold) / (1.0 - threshold));
}

void SimilarityFilter::configure(float threshold, int max_skip_frame) {
  base::require(threshold >= 0 && threshold <= 1, base::ErrorCode::invalid_argument,
                "similar_image_filter_threshold is ", threshold, ", expected 0..1");
  base::require(max_skip_frame >= 0, base::ErrorCode::invalid_argument,
                "similar_image_filter_max_skip_frame is ", max_skip_frame, ", expected 0 or more");
  threshold_ = threshold;
  max_skip_frame_ = max_skip_frame;
}

bool SimilarityFilter::process(std::span<const std::uint8_t> frame) {
  bool process = reference_.size() != frame.size();
  if (!process) {
    const double chance = static_cast<double>(random_() >> 11U) * 0x1p-53;
    const bool alike = skip_probability(cosine_similarity(reference_, frame), threshold_) > chance;
    process = !alike || skipped_ > max_skip_frame_;
  }
  if (!process) {
    ++skipped_;
    return false;
  }
  skipped_ = 0;
  reference_.assign(frame.begin(), frame.end());
  return true;
}

}  // namespace streamdiffusion::stream
