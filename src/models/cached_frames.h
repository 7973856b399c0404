// Steady images: what a UNet keeps of earlier frames and looks back at (StreamV2V; Liang et al.
// 2024, arXiv 2405.15757).
#pragma once

#include <compare>

#include "graph/graph.h"

namespace streamdiffusion::models {

/// What build_unet() is told.
struct CachedFrames {
  /// Earlier frames that a row attends to at most, 0..32; 0: cached attention is off.
  int frames = 0;
  /// Slots of keys and values a row, at least `frames` and one for the frame itself.
  int slots = 0;
  /// Levels before this one, counted from the largest resolution, keep nothing.
  int first_level = 0;
  /// Whether features of the middle block and of the two innermost up blocks are drawn to those of
  /// earlier frames.
  bool feature_injection = false;

  auto operator<=>(const CachedFrames&) const = default;
};

/// The same in a graph that is being recorded, for one transformer.
struct CachedFramesInputs {
  /// "cached_slots"; empty where nothing is kept.
  graph::Value slots;
  int slot_count = 0;
  /// "feature_injection"; empty where none is drawn.
  graph::Value injection;
};

}  // namespace streamdiffusion::models
