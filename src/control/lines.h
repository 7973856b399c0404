// Control images of lines: smooth edges, scribbles, fine lines.
#pragma once

#include "streamdiffusion/image.h"

namespace streamdiffusion::control {

/// Gradient sizes of Sobel kernels of 3, 5 and 7 pixels, each scaled so that a step of one gives
/// one, weighted 0.5, 0.3 and 0.2, blurred (standard deviation 1), divided by their largest x, and
/// then 1 / (1 + exp(3 - 6 x)).
Image soft_edge(const ImageView& image);

/// XDoG: blurs of 0.5 and 5 pixels; white where the smallest difference over the colors of the
/// wide one to the narrow one exceeds 16 (Winnemöller et al. 2012, "XDoG").
Image scribble(const ImageView& image);

/// The smallest difference over the colors of a blur of 6 pixels to the image, 0 where negative,
/// divided by the median of those above 8, or by 16 if that is more, times 127.
Image lineart(const ImageView& image);

}  // namespace streamdiffusion::control
