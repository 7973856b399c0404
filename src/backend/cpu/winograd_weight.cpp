#include <array>
#include <cstring>

#include "backend/cpu/winograd.h"

namespace streamdiffusion::backend::cpu {
namespace {

constexpr std::size_t kLanes = 16;  ///< Output channels at a time.
using Lanes = std::array<float, kLanes>;

/// Six values of three taps, for each lane.
void six_of_three(const Lanes& a, const Lanes& b, const Lanes& c, std::array<Lanes, 6>& to) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    const float even = (a[i] + c[i]) / 6, odd = b[i] / 6;
    const float wide = a[i] / 24 + c[i] / 6, tilt = b[i] / 12;
    to[0][i] = a[i] / 4;
    to[1][i] = -even - odd;
    to[2][i] = -even + odd;
    to[3][i] = wide + tilt;
    to[4][i] = wide - tilt;
    to[5][i] = c[i];
  }
}

}  // namespace

std::vector<float> winograd_weight(std::span<const float> weight, std::int64_t out,
                                   std::int64_t in) {
  constexpr std::size_t kTaps = 9;
  const auto ins = static_cast<std::size_t>(in), outs = static_cast<std::size_t>(out);
  std::vector<float> result(static_cast<std::size_t>(kWinogradPlaces) * ins * outs);
  std::array<Lanes, kTaps> taps;
  std::array<std::array<Lanes, 6>, 3> lines;  // by column, six of a column's three taps
  std::array<Lanes, 6> places;
  for (std::size_t o = 0; o < outs; o += kLanes) {
    for (std::size_t i = 0; i < ins; ++i) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const float* stored = weight.data() + ((o + lane) * ins + i) * kTaps;
        for (std::size_t tap = 0; tap < kTaps; ++tap) taps[tap][lane] = stored[tap];
      }
      for (std::size_t column = 0; column < 3; ++column)
        six_of_three(taps[column], taps[3 + column], taps[6 + column], lines[column]);
      for (std::size_t line = 0; line < 6; ++line) {
        six_of_three(lines[0][line], lines[1][line], lines[2][line], places);
        for (std::size_t column = 0; column < 6; ++column) {
          float* to = result.data() + ((line * 6 + column) * ins + i) * outs + o;
          std::memcpy(to, places[column].data(), sizeof(Lanes));
        }
      }
    }
  }
  return result;
}

}  // namespace streamdiffusion::backend::cpu
