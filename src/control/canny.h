// Canny's edge detector (Canny 1986, "A Computational Approach to Edge Detection"), with the
// choices of OpenCV's: Sobel 3x3 without blur, L1 norm, directions by tan(22.5°).
#pragma once

#include "streamdiffusion/image.h"

namespace streamdiffusion::control {

/// White edges on black. A pixel whose gradient is the largest across its direction is an edge
/// where it exceeds `high`, or exceeds `low` and is connected to such a one.
Image canny(const ImageView& image, int low, int high);

}  // namespace streamdiffusion::control
