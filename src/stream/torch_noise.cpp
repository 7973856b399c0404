#include "stream/torch_noise.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "base/error.h"

namespace streamdiffusion::stream {
namespace {

constexpr std::size_t kBlock = 16;

/// Box and Muller on a block of 16 uniforms: 8 radii and 8 angles.
void transform(float* block) {
  for (std::size_t j = 0; j < kBlock / 2; ++j) {
    const float u1 = 1.0F - block[j], u2 = block[j + kBlock / 2];
    const float radius = std::sqrt(-2.0F * std::log(u1));
    const float angle = 2.0F * std::numbers::pi_v<float> * u2;
    block[j] = radius * std::cos(angle);
    block[j + kBlock / 2] = radius * std::sin(angle);
  }
}

}  // namespace

float TorchGenerator::uniform24() {
  return static_cast<float>(engine_() & 0xffffffU) * 0x1p-24F;
}

double TorchGenerator::uniform53() {
  const std::uint64_t high = engine_(), low = engine_();
  return static_cast<double>(((high << 32U) | low) & ((std::uint64_t{1} << 53U) - 1)) * 0x1p-53;
}

double TorchGenerator::normal() {
  if (waiting_) {
    const double value = *waiting_;
    waiting_.reset();
    return value;
  }
  const double u1 = uniform53(), u2 = uniform53();
  const double radius = std::sqrt(-2.0 * std::log1p(-u2)), angle = 2.0 * std::numbers::pi * u1;
  waiting_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

void TorchGenerator::randn(std::span<float> out) {
  if (out.size() < kBlock) {
    for (float& value : out) value = static_cast<float>(normal());
    return;
  }
  for (float& value : out) value = uniform24();
  for (std::size_t i = 0; i + kBlock <= out.size(); i += kBlock) transform(&out[i]);
  if (out.size() % kBlock == 0) return;
  float* tail = out.data() + out.size() - kBlock;  // drawn anew, overlapping what is there
  for (std::size_t i = 0; i < kBlock; ++i) tail[i] = uniform24();
  transform(tail);
}

void randn_nhwc(TorchGenerator& generator, std::int64_t rows, std::int64_t channels, std::int64_t h,
                std::int64_t w, std::span<float> out) {
  base::require(static_cast<std::int64_t>(out.size()) == rows * channels * h * w,
                base::ErrorCode::internal, "noise: the output holds ", out.size(),
                " numbers, expected ", rows * channels * h * w);
  std::vector<float> planes(out.size());
  generator.randn(planes);
  const std::int64_t pixels = h * w;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float* plane = planes.data() + (row * channels + c) * pixels;
      float* to = out.data() + row * channels * pixels + c;
      for (std::int64_t i = 0; i < pixels; ++i) to[i * channels] = plane[i];
    }
  }
}

}  // namespace streamdiffusion::stream
