// Lines of 3 x 3 convolutions from or to a few channels, in f32.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/simd/few_channel.cpp"
#include "hwy/foreach_target.h"
// foreach_target must come first
#include "backend/cpu/simd/simd-inl.h"
#include "backend/cpu/simd/simd.h"

HWY_BEFORE_NAMESPACE();
namespace streamdiffusion::backend::cpu::simd {
namespace HWY_NAMESPACE {
namespace {

/// Two vectors of output channels of kPixels pixels. The sums stay in registers, and each weight
/// that is loaded is used for all pixels.
template <std::size_t kPixels, typename T>
HWY_INLINE void few_in(const FewChannelLine& line, std::size_t pixel, std::size_t channel, T* y) {
  const F32 d;
  const std::size_t lanes = hn::Lanes(d), run = 3 * line.in;
  Vec sums[kPixels][2];
  for (auto& sum : sums) {
    sum[0] = hn::LoadU(d, line.bias + channel);
    sum[1] = hn::LoadU(d, line.bias + channel + lanes);
  }
  const float* weight = line.weight + channel;
  for (const float* source : line.x) {
    const float* x = source + pixel * line.in;
    for (std::size_t tap = 0; tap < run; ++tap, ++x, weight += line.padded_out) {
      const Vec w0 = hn::LoadU(d, weight), w1 = hn::LoadU(d, weight + lanes);
      for (std::size_t p = 0; p < kPixels; ++p) {
        const Vec value = hn::Set(d, x[p * line.in]);
        sums[p][0] = hn::MulAdd(value, w0, sums[p][0]);
        sums[p][1] = hn::MulAdd(value, w1, sums[p][1]);
      }
    }
  }
  for (std::size_t p = 0; p < kPixels; ++p) {
    T* to = y + (pixel + p) * line.out + channel;
    for (std::size_t v = 0; v < 2 && channel + v * lanes < line.out; ++v, to += lanes) {
      const std::size_t left = line.out - channel - v * lanes;
      left >= lanes ? store(sums[p][v], to) : store_first(sums[p][v], to, left);
    }
  }
}

template <typename T>
void few_in_line(const FewChannelLine& line, T* y) {
  constexpr std::size_t kPixels = 6;
  for (std::size_t channel = 0; channel < line.out; channel += 2 * hn::Lanes(F32())) {
    std::size_t pixel = 0;
    for (; pixel + kPixels <= line.width; pixel += kPixels)
      few_in<kPixels>(line, pixel, channel, y);
    for (; pixel < line.width; ++pixel) few_in<1>(line, pixel, channel, y);
  }
}

void ConvFewIn(DType dtype, const FewChannelLine& line, void* y) {
  if (dtype == DType::bf16) return few_in_line(line, static_cast<Bf16*>(y));
  few_in_line(line, static_cast<float*>(y));
}

#if HWY_TARGET == HWY_SCALAR
/// to[i] = sum of the lanes of the i-th.
HWY_INLINE void sum_four(Vec a, Vec b, Vec c, Vec e, float* to) {
  const Vec all[4]{a, b, c, e};
  for (std::size_t i = 0; i < 4; ++i) to[i] = hn::GetLane(all[i]);
}
#else
template <typename D>
HWY_INLINE auto sum_blocks(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> half;
    return sum_blocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  } else {
    return v;
  }
}

/// to[i] = sum of the lanes of the i-th.
HWY_INLINE void sum_four(Vec a, Vec b, Vec c, Vec e, float* to) {
  const F32 d;
  const hn::RepartitionToWide<F32> pairs;
  const Vec ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const Vec ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto low = hn::InterleaveLower(pairs, hn::BitCast(pairs, ab), hn::BitCast(pairs, ce));
  const auto high = hn::InterleaveUpper(pairs, hn::BitCast(pairs, ab), hn::BitCast(pairs, ce));
  const Vec blocks = hn::Add(hn::BitCast(d, low), hn::BitCast(d, high));
  hn::StoreU(sum_blocks(d, blocks), hn::FixedTag<float, 4>(), to);
}
#endif

/// All kOut output channels of kPixels pixels. A vector of input channels that is loaded is used
/// for all of them.
template <std::size_t kOut, std::size_t kPixels>
HWY_INLINE void few_out(const FewChannelLine& line, std::size_t pixel, float* y) {
  const F32 d;
  Vec sums[kPixels][kOut];
  for (auto& pixel_sums : sums)
    for (Vec& sum : pixel_sums) sum = hn::Zero(d);
  const float* weight = line.weight;
  for (const float* source : line.x) {
    for (std::size_t tap = 0; tap < 3; ++tap, weight += kOut * line.in) {
      const float* x = source + (pixel + tap) * line.in;
      for (std::size_t c = 0; c < line.in; c += hn::Lanes(d)) {
        Vec w[kOut];
        for (std::size_t o = 0; o < kOut; ++o) w[o] = hn::LoadU(d, weight + o * line.in + c);
        for (std::size_t p = 0; p < kPixels; ++p) {
          const Vec value = hn::LoadU(d, x + p * line.in + c);
          for (std::size_t o = 0; o < kOut; ++o) sums[p][o] = hn::MulAdd(value, w[o], sums[p][o]);
        }
      }
    }
  }
  for (std::size_t p = 0; p < kPixels; ++p) {
    const auto one = [&](std::size_t o) HWY_ATTR { return o < kOut ? sums[p][o] : hn::Zero(d); };
    float lanes[4];
    sum_four(one(0), one(1), one(2), one(3), lanes);
    for (std::size_t o = 0; o < kOut; ++o) y[(pixel + p) * kOut + o] = line.bias[o] + lanes[o];
  }
}

template <std::size_t kOut>
void few_out_line(const FewChannelLine& line, float* y) {
  constexpr std::size_t kPixels = 4;
  std::size_t pixel = 0;
  for (; pixel + kPixels <= line.width; pixel += kPixels) few_out<kOut, kPixels>(line, pixel, y);
  for (; pixel < line.width; ++pixel) few_out<kOut, 1>(line, pixel, y);
}

void ConvFewOut(const FewChannelLine& line, float* y) {
  switch (line.out) {
    case 1:
      return few_out_line<1>(line, y);
    case 2:
      return few_out_line<2>(line, y);
    case 3:
      return few_out_line<3>(line, y);
    default:
      return few_out_line<4>(line, y);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace streamdiffusion::backend::cpu::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace streamdiffusion::backend::cpu::simd {

HWY_EXPORT(ConvFewIn);
HWY_EXPORT(ConvFewOut);

void conv_few_in(DType dtype, const FewChannelLine& line, void* y) {
  HWY_DYNAMIC_DISPATCH(ConvFewIn)(dtype, line, y);
}

void conv_few_out(const FewChannelLine& line, float* y) {
  HWY_DYNAMIC_DISPATCH(ConvFewOut)(line, y);
}

}  // namespace streamdiffusion::backend::cpu::simd
#endif
