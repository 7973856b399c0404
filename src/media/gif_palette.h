// 256 colors chosen for each frame, through libavfilter's palettegen and paletteuse.
#pragma once

#include <vector>

#include "media/av.h"

struct AVFilterGraph;
struct AVFilterContext;

namespace streamdiffusion::media {

class GifPalette {
 public:
  /// Frames are RGB32, their times in `time_base`.
  GifPalette(int width, int height, AVRational time_base);
  /// Frames with palettes that are ready; null for the last ones.
  std::vector<AvFrame> push(AVFrame* frame);
  /// Of the frames that push() returns.
  AVRational time_base() const;

 private:
  std::unique_ptr<AVFilterGraph, void (*)(AVFilterGraph*)> graph_;
  AVFilterContext* in_ = nullptr;
  AVFilterContext* out_ = nullptr;
};

}  // namespace streamdiffusion::media
