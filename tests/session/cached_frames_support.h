// A stream with cached attention on the tiny model, for the tests of what it keeps and forgets.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "streamdiffusion/engine.h"
#include "support/environment.h"
#include "support/tiny_model.h"

namespace streamdiffusion::testing::cached_frames {

using Pixels = std::vector<float>;

constexpr int kSide = 32;

inline Image image(int number) {
  Image image{kSide, kSide, {}};
  for (int i = 0; i < kSide * kSide * 3; ++i) {
    image.rgb.push_back(static_cast<std::uint8_t>(i * (3 + number) + 97 * number));
  }
  return image;
}

inline SessionOptions options(const std::vector<int>& t_index_list, CfgType cfg = CfgType::self) {
  return {.width = kSide,
          .height = kSide,
          .t_index_list = t_index_list,
          .cfg_type = cfg,
          .guidance_scale = 1.4F,
          .use_cached_attn = true,
          .cache_maxframes = 2,
          .keep_tensors = true};
}

inline Engine open(const TinyModel& model, EngineOptions more = {}) {
  more.model = model.path();
  more.device = testing::device_or(SD_TEST_DEVICE);
  more.dtype = DataType::f32;
  more.threads = 2;
  return Engine::open(more);
}

/// Frames first to first + count - 1, and what comes out of them.
inline std::vector<Pixels> run(Session& session, int count, int first = 0) {
  std::vector<Pixels> out;
  const auto take = [&](std::vector<Output> outputs) {
    for (Output& output : outputs) out.push_back(std::move(output.pixels));
  };
  for (int i = first; i < first + count; ++i)
    take(session.process(image(i), static_cast<std::uint64_t>(i)));
  take(session.flush());
  return out;
}

inline double worst(const std::vector<Pixels>& a, const std::vector<Pixels>& b) {
  double most = a.size() == b.size() ? 0 : 1e9;
  for (std::size_t f = 0; f < std::min(a.size(), b.size()); ++f) {
    for (std::size_t i = 0; i < a[f].size(); ++i)
      most = std::max<double>(most, std::abs(a[f][i] - b[f][i]));
  }
  return most;
}

}  // namespace streamdiffusion::testing::cached_frames
