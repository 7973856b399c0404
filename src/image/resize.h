// Resizes images and fits them to the size that a model works at.
#pragma once

#include "streamdiffusion/frame.h"

namespace streamdiffusion::image {

using streamdiffusion::Fit;

/// Bicubic (a = -0.5), as Pillow's BICUBIC: when the image shrinks, the kernel is widened by the
/// scale, which filters out what would alias. Throws invalid_argument for a side below 1.
/// A frame in another layout is converted row by row on the way.
Image resize(const FrameView& frame, int width, int height);

/// An image of exactly width x height, made as `mode` says: stretched, cropped at its center
/// (cover), or with black bars (contain). Throws invalid_argument as to_image() does.
Image fit(const FrameView& frame, int width, int height, Fit mode);

/// The central side x side pixels of the frame, resized so that its shorter side is `side`: how
/// CLIP sees an image (transformers' CLIPImageProcessor). Throws invalid_argument as to_image()
/// does.
Image central_square(const FrameView& frame, int side);

}  // namespace streamdiffusion::image
