// Fitting images to the size a model works at.
#pragma once

#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

using streamdiffusion::Fit;

/// A dense copy.
Image copy(ImageView image);

/// Bicubic (a = -0.5), widened by the scale when it shrinks, as Pillow's BICUBIC does.
Image resize(ImageView image, int width, int height);

/// An image of exactly width x height.
Image fit(ImageView image, int width, int height, Fit how);

}  // namespace streamdiffusion::image
