// A film in QuickTime's format, box by box, for what no encoder would write.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace streamdiffusion::media {

/// Big-endian.
std::string n32(std::uint64_t value);
std::string box(const std::string& type, const std::string& content);

/// Of a film: pixels a side, frames, and how long one is shown, in 1/100 s.
constexpr int kSide = 16, kSamples = 50, kDelta = 4;

/// Start and length in 1/100 s.
using Edits = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

/// Box elst of version 0.
std::string elst(const Edits& edits);

/// A film of 50 frames of raw pixels, at 25 frames a second. With `keys` every tenth sample is a
/// key frame; otherwise all are. With `header_first` it can be read as it comes.
std::string film(const std::string& edits, bool keys = false, bool header_first = false);

}  // namespace streamdiffusion::media
