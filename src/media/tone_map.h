// Brings the colors of HDR and wide-gamut video to those of images: SDR, BT.709 primaries.
#pragma once

#include <string>

#include "media/filter_graph.h"

namespace streamdiffusion::media {

/// What a file says of its colors that FFmpeg has no name for counts as unspecified.
void forget_unknown_colors(AVFrame& frame);

/// What has to be done to a frame's colors: "HDR (PQ)", "HDR (HLG)" or "wide-gamut" for a warning;
/// empty if nothing.
std::string color_conversion(const AVFrame& frame);

/// A graph for frames of one size, pixel format and kind of color. Used by one thread.
class ToneMap {
 public:
  ToneMap() = default;
  /// Returns the frame in RGB or RGBA, of the same size. Throws unsupported.
  AvFrame operator()(const AVFrame& frame);

 private:
  struct Key {
    int width, height, format, transfer, primaries, space, range;
    friend bool operator==(const Key&, const Key&) = default;
  };
  void build(const Key& key);

  Key key_{};
  FilterGraph graph_{nullptr, nullptr};
  AVFilterContext* in_ = nullptr;
  AVFilterContext* out_ = nullptr;
};

}  // namespace streamdiffusion::media
