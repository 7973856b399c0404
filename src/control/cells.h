// Control images that keep colors and lose detail.
#pragma once

#include "streamdiffusion/image.h"

namespace streamdiffusion::control {

/// The mean of each cell of `cell` pixels a side, rounded; those at the right and bottom may be
/// smaller. One pixel a cell.
Image cell_means(const ImageView& image, int cell);
/// The means, enlarged to the image's size: bicubic, or every pixel of a cell alike.
Image tile(const ImageView& image, int cell);
Image color(const ImageView& image, int cell);

/// Gaussian blur of each color.
Image blur(const ImageView& image, float sigma);
/// Brightness in 0..1 to the power of `gamma`, gray.
Image luminance(const ImageView& image, float gamma);

}  // namespace streamdiffusion::control
