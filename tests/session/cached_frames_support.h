// A stream with cached attention on the tiny model, for the tests of what it keeps and forgets.
#pragma once

#include <vector>

#include "streamdiffusion/engine.h"
#include "support/environment.h"
#include "support/stream_pixels.h"
#include "support/tiny_model.h"

namespace streamdiffusion::testing::cached_frames {

using testing::append;
using testing::patterned_image;
using testing::Pixels;
using testing::worst;

constexpr int kSide = 32;

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
  for (int i = first; i < first + count; ++i)
    append(out, session.process(patterned_image(i), static_cast<std::uint64_t>(i)));
  append(out, session.flush());
  return out;
}

}  // namespace streamdiffusion::testing::cached_frames
