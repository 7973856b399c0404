// The convolutions at a network's edges: from an image's three channels, or to them. oneDNN fills
// its vectors with sixteen channels, most of them padding, and reaches an eighth of the processor's
// peak. Here the vectors hold output channels where the input has few, and input channels where the
// output has few (simd/few_channel.cpp). Three input lines at a time lie in scratch memory, in f32.
#include <algorithm>
#include <cstring>

#include "backend/cpu/conv/forms.h"
#include "backend/cpu/onednn/primitive.h"
#include "backend/cpu/onednn/weight_packing.h"
#include "backend/cpu/share.h"
#include "backend/cpu/simd/simd.h"

namespace streamdiffusion::backend::cpu {
namespace {

using graph::Conv2d;

/// At most so many channels are few.
constexpr std::int64_t kFewChannels = 4;
/// f32 lanes of the widest vectors.
constexpr std::int64_t kVector = 16;
/// Output channels are padded to a multiple of it.
constexpr std::int64_t kOutMultiple = 2 * kVector;

class FewChannelConv2d final : public Kernel {
 public:
  FewChannelConv2d(const Conv2d& op, const KernelContext& context)
      : op_(op),
        x_(context.op.inputs[0]),
        y_(context.op.output),
        x_desc_(context.input(0)),
        y_desc_(context.output()),
        few_in_(op.in <= kFewChannels),
        padded_((op.out + kOutMultiple - 1) / kOutMultiple * kOutMultiple) {
    const PackedWeight stored = plain_weight(context, 0);
    pack(reinterpret_cast<const float*>(stored->data()));
    bias_.resize(static_cast<std::size_t>(padded_));
    if (op.bias) {
      const PackedWeight bias = plain_weight(context, 1);
      std::memcpy(bias_.data(), bias->data(), static_cast<std::size_t>(op.out) * sizeof(float));
    }
    for (int w = 0; w < context.workers; ++w)
      shares_.push_back(segments(y_desc_.shape.n, y_desc_.shape.h, w, context.workers));
  }

  void run(int, const Worker& worker) const override {
    for (const Segment& segment : shares_[static_cast<std::size_t>(worker.index)]) {
      read_line(worker, segment.row, segment.begin - 1);
      read_line(worker, segment.row, segment.begin);
      for (std::int64_t line = segment.begin; line < segment.end; ++line) {
        read_line(worker, segment.row, line + 1);
        make_line(worker, segment.row, line);
      }
    }
  }

  std::string implementation() const override {
    return std::string(kFewChannel.name) + ":" + simd::target_name();
  }
  std::size_t scratch_bytes() const override {
    return 3 * line_bytes() +
           aligned(static_cast<std::size_t>(y_desc_.shape.w * op_.out) * sizeof(float));
  }

 private:
  /// Few inputs: [3 lines, 3 columns, in, padded out]. Few outputs: [3 lines, 3 columns, out, in].
  void pack(const float* stored) {
    weight_.resize(static_cast<std::size_t>(9 * op_.in * (few_in_ ? padded_ : op_.out)));
    for (std::int64_t o = 0; o < op_.out; ++o) {
      for (std::int64_t i = 0; i < op_.in; ++i) {
        for (std::int64_t tap = 0; tap < 9; ++tap) {
          const std::int64_t to =
              few_in_ ? (tap * op_.in + i) * padded_ + o : (tap * op_.out + o) * op_.in + i;
          weight_[static_cast<std::size_t>(to)] = *stored++;
        }
      }
    }
  }

  std::size_t line_bytes() const {
    return aligned(static_cast<std::size_t>((x_desc_.shape.w + 2) * op_.in) * sizeof(float));
  }
  /// A ring of three lines in scratch memory.
  float* line_at(const Worker& worker, std::int64_t line) const {
    return reinterpret_cast<float*>(worker.scratch +
                                    static_cast<std::size_t>((line + 3) % 3) * line_bytes());
  }

  /// An input line in f32 with a zero pixel at either end; zeros beyond the image.
  void read_line(const Worker& worker, std::int64_t row, std::int64_t line) const {
    float* to = line_at(worker, line);
    const std::int64_t width = x_desc_.shape.w, height = x_desc_.shape.h;
    if (line < 0 || line >= height) return void(std::fill_n(to, (width + 2) * op_.in, 0.0F));
    const auto first = static_cast<std::size_t>((row * height + line) * width * op_.in);
    std::fill_n(to, op_.in, 0.0F);
    simd::convert(x_desc_.dtype, worker.value<std::byte>(x_) + first * size_of(x_desc_.dtype),
                  tensor::DType::f32, to + op_.in, static_cast<std::size_t>(width * op_.in), 1, 0);
    std::fill_n(to + (width + 1) * op_.in, op_.in, 0.0F);
  }

  void make_line(const Worker& worker, std::int64_t row, std::int64_t line) const {
    const auto width = static_cast<std::size_t>(y_desc_.shape.w),
               out = static_cast<std::size_t>(op_.out);
    const simd::FewChannelLine lines{
        .x = {line_at(worker, line - 1), line_at(worker, line), line_at(worker, line + 1)},
        .weight = weight_.data(),
        .bias = bias_.data(),
        .width = width,
        .in = static_cast<std::size_t>(op_.in),
        .out = out,
        .padded_out = static_cast<std::size_t>(padded_)};
    const auto first = static_cast<std::size_t>(row * y_desc_.shape.h + line) * width * out;
    std::byte* y = worker.value<std::byte>(y_) + first * size_of(y_desc_.dtype);
    if (few_in_) return simd::conv_few_in(y_desc_.dtype, lines, y);
    auto* sums = reinterpret_cast<float*>(worker.scratch + 3 * line_bytes());
    simd::conv_few_out(lines, sums);
    simd::convert(tensor::DType::f32, sums, y_desc_.dtype, y, width * out, 1, 0);
  }

  Conv2d op_;
  graph::Value x_, y_;
  tensor::Desc x_desc_, y_desc_;
  bool few_in_;
  std::int64_t padded_;
  std::vector<float> weight_, bias_;
  /// By worker.
  std::vector<std::vector<Segment>> shares_;
};

/// Where AMX multiplies the type, its tiles make up for the padding.
bool has_amx(tensor::DType dtype) {
  return dtype == tensor::DType::bf16 && has_isa(dnnl::cpu_isa::avx512_core_amx);
}

bool is_few_channel(const Conv2d& op) {
  return std::min(op.in, op.out) <= kFewChannels && (op.in <= kFewChannels || op.in % kVector == 0);
}

bool applies_few_channel(const Conv2d& op, const KernelContext& context) {
  const bool plain = op.kernel == 3 && op.stride == 1 && op.pad_begin == 1 && op.pad_end == 1 &&
                     !op.row_bias && !op.residual && !op.upsample2x &&
                     op.act == graph::Activation::none;
  return plain && is_few_channel(op) && !has_amx(context.input(0).dtype);
}

std::unique_ptr<Kernel> make_few_channel(const Conv2d& op, const KernelContext& context) {
  return std::make_unique<FewChannelConv2d>(op, context);
}

}  // namespace

const ConvForm kFewChannel{"few_channel", applies_few_channel, make_few_channel};

}  // namespace streamdiffusion::backend::cpu
