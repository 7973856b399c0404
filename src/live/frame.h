// A frame on its way to the engine. From there on only its output travels.
#pragma once

#include "live/control_images.h"
#include "live/encode_prompts.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

struct Frame {
  /// Returns the image in the size of the stream. Until the frame is prepared; empty in
  /// text-to-image mode.
  std::function<Image(int width, int height, Fit fit)> decode, decode_control;
  /// From then on. Empty in text-to-image mode.
  Image image;
  /// In place of `image`: pixels of the stream's size, valid while the frame enters.
  std::optional<ImageView> borrowed;
  /// As LiveFrame::prompts.
  std::shared_ptr<const std::vector<WeightedPrompt>> prompts;
  EncodedPrompts encoded_prompts;
  /// From then on. What control images are made of in place of `image`, if it is not empty.
  Image control_source;
  /// In the size of the stream.
  ControlImages control_images;
  /// Filled in stage by stage.
  LiveOutput output;
};

}  // namespace streamdiffusion::live
