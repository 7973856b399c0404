// The weight transform of Winograd convolution, G g G^T (winograd.h).
#include <array>
#include <cstring>

#include "backend/cpu/conv/winograd.h"

namespace streamdiffusion::backend::cpu {
namespace {

/// Output channels at a time.
constexpr std::size_t kChannels = 16;
using Channels = std::array<float, kChannels>;

/// G x, where x are the three taps (a, b, c) of a column or line of the kernel.
void weight_transform(const Channels& a, const Channels& b, const Channels& c,
                      std::array<Channels, 6>& to) {
  for (std::size_t i = 0; i < kChannels; ++i) {
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

void weight_transform(const Channels& a, const Channels& b, const Channels& c,
                      std::array<Channels, 4>& to) {
  for (std::size_t i = 0; i < kChannels; ++i) {
    const float even = (a[i] + c[i]) / 2, odd = b[i] / 2;
    to[0][i] = a[i];
    to[1][i] = even + odd;
    to[2][i] = even - odd;
    to[3][i] = c[i];
  }
}

template <std::size_t kInputTile>
void transform(std::span<const float> weight, std::size_t outs, std::size_t ins,
               std::span<float> result) {
  constexpr std::size_t kTaps = 9;
  std::array<Channels, kTaps> taps;
  // G g, by column of g
  std::array<std::array<Channels, kInputTile>, 3> lines;
  std::array<Channels, kInputTile> positions;
  for (std::size_t o = 0; o < outs; o += kChannels) {
    for (std::size_t i = 0; i < ins; ++i) {
      for (std::size_t channel = 0; channel < kChannels; ++channel) {
        const float* stored = weight.data() + ((o + channel) * ins + i) * kTaps;
        for (std::size_t tap = 0; tap < kTaps; ++tap) taps[tap][channel] = stored[tap];
      }
      for (std::size_t column = 0; column < 3; ++column)
        weight_transform(taps[column], taps[3 + column], taps[6 + column], lines[column]);
      for (std::size_t line = 0; line < kInputTile; ++line) {
        weight_transform(lines[0][line], lines[1][line], lines[2][line], positions);
        for (std::size_t column = 0; column < kInputTile; ++column) {
          float* to = result.data() + ((line * kInputTile + column) * ins + i) * outs + o;
          std::memcpy(to, positions[column].data(), sizeof(Channels));
        }
      }
    }
  }
}

}  // namespace

void winograd_weight(const WinogradSize& size, std::span<const float> weight, std::int64_t out,
                     std::int64_t in, std::span<float> transformed) {
  const auto outs = static_cast<std::size_t>(out), ins = static_cast<std::size_t>(in);
  if (size.tile == 4)
    transform<6>(weight, outs, ins, transformed);
  else
    transform<4>(weight, outs, ins, transformed);
}

}  // namespace streamdiffusion::backend::cpu
