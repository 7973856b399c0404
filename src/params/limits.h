// Limits of parameters that the table and the engine's own checks share.
#pragma once

#include <cstddef>

namespace streamdiffusion::params {

/// Of the width and height of a stream, in pixels.
constexpr int kMinSide = 8, kMaxSide = 16384;
/// Of its schedule. The distilled models know 50 timesteps (docs/algorithm.md, section 2).
constexpr int kMaxSteps = 50;
/// Of what an engine is opened with.
constexpr std::size_t kMaxLoras = 16, kMaxControlNets = 8, kMaxIpAdapters = 4;
/// Of the images of one IP-Adapter.
constexpr std::size_t kMaxImagePromptImages = 16;
/// Between the sides of such an image: of a longer one the encoder sees next to nothing.
constexpr int kMaxStyleRatio = 16;
/// Of the scale of each of these; a LoRA's may be negative, too.
constexpr double kMaxScale = 10;
/// Of one prompt or seed in a blend.
constexpr double kMaxWeight = 1000;

}  // namespace streamdiffusion::params
