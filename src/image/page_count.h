// How many images a file holds of which a decoder gives only the first.
#pragma once

#include <cstddef>
#include <span>

namespace streamdiffusion::image {

/// The images of an MPO, by the content of its APP2 marker from "MPF\0" on (CIPA DC-007, 5.2):
/// other views and panoramas count, thumbnails do not. At least 1. Never reads outside `mpf`.
std::size_t count_mpo_images(std::span<const std::byte> mpf);

/// The pages of a TIFF, at most 1000 of them; 1 for anything else. Never reads outside `file`.
std::size_t count_tiff_pages(std::span<const std::byte> file);

}  // namespace streamdiffusion::image
