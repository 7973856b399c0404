#include "backend/cpu/conv/line_orders.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>

#include "backend/cpu/simd/simd.h"
#include "base/error.h"
#include "tensor/buffer.h"

namespace streamdiffusion::backend::cpu {
namespace {

using dnnl::memory;
using tensor::DType;

/// A value of either sign with eight significant bits, exact in bf16, between 1 and 2^12: products
/// are exact, and sums are not. The same for the same `index`; mixed as SplitMix64 does (Steele,
/// Lea and Flood 2014).
float value(std::uint64_t index) {
  constexpr int kBits = 7, kExponents = 12;
  std::uint64_t bits = (index + 1) * 0x9E3779B97F4A7C15U;
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9U;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBU;
  const auto fraction = static_cast<float>((1U << kBits) + (bits & ((1U << kBits) - 1))) / 128;
  const float size = fraction * static_cast<float>(1U << ((bits >> 8) % kExponents));
  return (bits >> 63) != 0 ? -size : size;
}

/// Two halves of the channels: the same inputs, and weights of the opposite sign. The true sums are
/// zero, so that what is computed is the rounding errors, which every other order changes.
float input_value(std::int64_t channel, std::int64_t channels) {
  const std::int64_t half = channels / 2;
  return value(static_cast<std::uint64_t>(channel < 2 * half ? channel % half : channel));
}

/// [out, in, kernel, kernel] of the first `out` output channels.
std::span<const float> weight_values(const ConvolutionShape& s, std::int64_t out,
                                     Staging& staging) {
  const std::int64_t taps = s.kernel * s.kernel, half = s.in / 2;
  const std::span<float> values = staging.transformed(static_cast<std::size_t>(out * s.in * taps));
  for (std::int64_t channel = 0; channel < out * s.in; ++channel) {
    const std::int64_t in = channel % s.in;
    const bool second = in >= half && in < 2 * half;
    const std::int64_t like = (second ? channel - half : channel) * taps;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      const float w = value(static_cast<std::uint64_t>(like + tap));
      values[static_cast<std::size_t>(channel * taps + tap)] = second ? -w : w;
    }
  }
  return values;
}

tensor::Buffer in_type(DType dtype, const std::vector<float>& values) {
  tensor::Buffer result(values.size() * tensor::size_of(dtype));
  simd::convert(DType::f32, values.data(), dtype, result.data(), values.size(), 1, 0);
  return result;
}

/// All pixels are the same, so that it does not matter where in an image a line lies.
tensor::Buffer input(const ConvolutionShape& s) {
  std::vector<float> pixel;
  for (std::int64_t c = 0; c < s.in; ++c) pixel.push_back(input_value(c, s.in));
  const tensor::Buffer one = in_type(s.from, pixel);
  tensor::Buffer all(one.size() * static_cast<std::size_t>(s.in_lines * s.in_width));
  for (std::size_t at = 0; at < all.size(); at += one.size())
    std::memcpy(all.data() + at, one.data(), one.size());
  return all;
}

std::vector<std::uint64_t> lines_of(const tensor::Buffer& y, std::int64_t lines) {
  const auto count = static_cast<std::size_t>(lines);
  const std::string_view bytes(reinterpret_cast<const char*>(y.data()), y.size());
  std::vector<std::uint64_t> result;
  for (std::size_t line = 0; line < count; ++line) {
    const std::size_t size = bytes.size() / count;
    result.push_back(std::hash<std::string_view>()(bytes.substr(line * size, size)));
  }
  return result;
}

}  // namespace

/// Of the first output channels, whole blocks of 16, 32, 48 or 64: all others are like them, and
/// their weights stay zero.
const memory& LineOrders::weights(const ConvolutionShape& s, const memory::desc& layout,
                                  dnnl::stream& stream) {
  if (weights_ && weights_.get_desc() == layout && in_ == s.in) return weights_;
  constexpr std::int64_t kChannels = 192;
  const memory::dims first{std::min(s.out, kChannels), s.in, s.kernel, s.kernel};
  const memory::desc part = layout.submemory_desc(first, {0, 0, 0, 0});
  const memory::desc stored(first, memory::data_type::f32, memory::format_tag::oihw);
  memory from(stored, dnnl_engine(),
              const_cast<float*>(weight_values(s, first[0], staging_).data()));
  bytes_ = {};  // before the next are there
  bytes_ = tensor::Buffer::to_be_filled(layout.get_size());
  weights_ = memory(layout, dnnl_engine(), bytes_.data());
  memory to(part, dnnl_engine(), bytes_.data());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  in_ = s.in;
  return weights_;
}

/// With ones as residual and bias.
tensor::Buffer LineOrders::run(const ConvolutionCall& call) {
  const ConvolutionShape& s = call.shape;
  dnnl::stream stream(dnnl_engine());
  const auto desc = convolution_desc(s, epilogue(call.residual, call.act));
  const std::vector<float> bias(static_cast<std::size_t>(s.out), 1.0F);
  const Primitive primitive = make_convolution(
      desc, weights(s, desc.weights_desc(), stream).get_data_handle(), s.bias, bias.data(), 1);
  const tensor::Buffer x = input(s), scratch(primitive.scratch_bytes());
  tensor::Buffer y = in_type(
      s.to, std::vector<float>(static_cast<std::size_t>(s.out_lines * s.out_width * s.out), 1.0F));
  std::atomic<int> failure = 0;
  const Worker worker{.scratch = scratch.data(), .stream = stream.get(), .failure = &failure};
  primitive.run(worker, {x.data(), y.data()});
  stream.wait();
  base::require(failure == 0, base::ErrorCode::internal,
                "oneDNN failed to run a convolution, status ", failure.load());
  return y;
}

std::vector<std::uint64_t> LineOrders::of(const ConvolutionCall& call) {
  static std::mutex mutex;
  static std::map<ConvolutionCall, std::vector<std::uint64_t>> known;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(call); found != known.end()) return found->second;
  }
  std::vector<std::uint64_t> orders = lines_of(run(call), call.shape.out_lines);
  const std::lock_guard lock(mutex);
  return known.emplace(call, std::move(orders)).first->second;
}

}  // namespace streamdiffusion::backend::cpu
