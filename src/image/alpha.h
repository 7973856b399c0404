// Transparency: what lies behind an image is white.
#pragma once

#include <cstddef>
#include <cstdint>

namespace streamdiffusion::image {

/// RGBA of 8 bits, not premultiplied, over white, to RGB. `rgb` may lie over `rgba`.
void blend_with_white(const std::uint8_t* rgba, std::size_t pixels, std::uint8_t* rgb);

}  // namespace streamdiffusion::image
