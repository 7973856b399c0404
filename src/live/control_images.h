// The control images of a frame: one for each ControlNet that needs another image than the frame.
#pragma once

#include <memory>
#include <vector>

#include "streamdiffusion/image.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::live {

struct ControlImage {
  /// Null for a net that is off, and where the frame itself is the image.
  std::shared_ptr<const Image> image;
  ControlImageOptions made_by = {};
};

/// By net.
using ControlImages = std::vector<ControlImage>;

/// Makes what these settings need of `source`, which has the size of the stream and is the frame
/// itself or another image, as `is_frame` says. Images that they would not have made are replaced.
void make_control_images(const Image& source, bool is_frame,
                         const std::vector<ControlSettings>& settings, ControlImages& images);

/// `otherwise` for those that are null.
std::vector<ImageView> views_of(const ControlImages& images, const ImageView& otherwise);

}  // namespace streamdiffusion::live
