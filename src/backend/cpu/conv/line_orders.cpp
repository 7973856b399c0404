#include "backend/cpu/conv/line_orders.h"

#include <atomic>
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

/// [out, in, kernel, kernel]
std::span<const float> weight_values(const ConvolutionShape& s, Staging& staging) {
  const std::int64_t taps = s.kernel * s.kernel, half = s.in / 2;
  const std::span<float> values =
      staging.transformed(static_cast<std::size_t>(s.out * s.in * taps));
  float* to = values.data();
  for (std::int64_t out = 0; out < s.out; ++out) {
    for (std::int64_t in = 0; in < s.in; ++in) {
      const bool second = in >= half && in < 2 * half;
      const std::int64_t like = (out * s.in + (second ? in - half : in)) * taps;
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const float w = value(static_cast<std::uint64_t>(like + tap));
        *to++ = second ? -w : w;
      }
    }
  }
  return values;
}

memory packed_weights(const ConvolutionShape& s, const memory::desc& layout, Staging& staging,
                      dnnl::stream& stream) {
  const memory::desc stored({s.out, s.in, s.kernel, s.kernel}, memory::data_type::f32,
                            memory::format_tag::oihw);
  memory from(stored, dnnl_engine(), const_cast<float*>(weight_values(s, staging).data()));
  memory to(layout, dnnl_engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return to;
}

tensor::Buffer in_type(DType dtype, const std::vector<float>& values) {
  tensor::Buffer result(values.size() * tensor::size_of(dtype));
  simd::convert(DType::f32, values.data(), dtype, result.data(), values.size(), 1, 0);
  return result;
}

/// All pixels are the same, so that it does not matter where in an image a line lies.
tensor::Buffer input(const ConvolutionShape& s) {
  std::vector<float> pixels;
  for (std::int64_t i = 0; i < s.in_lines * s.in_width; ++i) {
    for (std::int64_t c = 0; c < s.in; ++c) pixels.push_back(input_value(c, s.in));
  }
  return in_type(s.from, pixels);
}

/// f32 or bf16 [out_lines, out_width, out], with ones as residual and bias.
tensor::Buffer run(const ConvolutionCall& call, Staging& staging) {
  const ConvolutionShape& s = call.shape;
  dnnl::stream stream(dnnl_engine());
  const auto desc = convolution_desc(s, epilogue(call.residual, call.act));
  const memory weights = packed_weights(s, desc.weights_desc(), staging, stream);
  const std::vector<float> bias(static_cast<std::size_t>(s.out), 1.0F);
  const Primitive primitive =
      make_convolution(desc, weights.get_data_handle(), s.bias, bias.data(), 1);
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

std::vector<std::uint64_t> line_orders(const ConvolutionCall& call, Staging& staging) {
  static std::mutex mutex;
  static std::map<ConvolutionCall, std::vector<std::uint64_t>> known;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(call); found != known.end()) return found->second;
  }
  std::vector<std::uint64_t> orders = lines_of(run(call, staging), call.shape.out_lines);
  const std::lock_guard lock(mutex);
  return known.emplace(call, std::move(orders)).first->second;
}

}  // namespace streamdiffusion::backend::cpu
