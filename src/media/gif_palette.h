// Reduces each GIF frame to 256 colors of its own, with libavfilter's palettegen and paletteuse.
#pragma once

#include <vector>

#include "media/filter_graph.h"

namespace streamdiffusion::media {

class GifPalette {
 public:
  /// Input frames are RGB32 of this size, with times in `time_base`. Throws unsupported.
  GifPalette(int width, int height, AVRational time_base);
  /// Sends one frame, or null at the end, and returns the PAL8 frames that are ready. Throws
  /// unsupported.
  std::vector<AvFrame> push(AVFrame* frame);
  /// The unit of the returned frames' times.
  AVRational time_base() const;

 private:
  // Set while the graph is built.
  AVFilterContext* in_ = nullptr;
  AVFilterContext* out_ = nullptr;
  FilterGraph graph_;
};

}  // namespace streamdiffusion::media
