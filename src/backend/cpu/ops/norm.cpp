// Group norm and layer norm. Group norm has two stages: sums of every channel, then the normalized
// values. A layer norm's token fits in cache, so that one stage is enough.
#include <cmath>

#include "backend/cpu/kernel.h"
#include "backend/cpu/onednn/weight_packing.h"
#include "backend/cpu/share.h"
#include "backend/cpu/simd/simd.h"

namespace streamdiffusion::backend::cpu {
namespace {

/// Mean and sum of squared differences of several sets of numbers, merged pairwise (Chan, Golub and
/// LeVeque 1979).
struct Moments {
  double count = 0, mean = 0, m2 = 0;

  void merge(double n, double other_mean, double other_m2) {
    const double total = count + n;
    const double delta = other_mean - mean;
    mean += delta * n / total;
    m2 += other_m2 + delta * delta * count * n / total;
    count = total;
  }
};

/// Sums are of differences to each channel's first pixel (shifted data), so that a large mean costs
/// no digits. They are taken over blocks of a row that depend on its size alone, and added in
/// order: a row's bits are the same among any number of rows and workers.
class GroupNormKernel final : public Kernel {
 public:
  GroupNormKernel(const graph::GroupNorm& op, const KernelContext& context)
      : op_(op), y_(context.op.output), y_desc_(context.output()), workers_(context.workers) {
    std::size_t first = 0;
    for (std::size_t i = 0; i < context.op.inputs.size(); ++i) {
      const auto c = static_cast<std::size_t>(context.input(i).shape.c);
      inputs_.push_back({context.op.inputs[i], context.input(i), c, first});
      first += c;
    }
    weight_ = plain_weight(context, 0);
    bias_ = plain_weight(context, 1);
    blocks_ = std::clamp<std::int64_t>(y_desc_.shape.tokens() / kBlockTokens, 1, kMaxBlocks);
    for (int w = 0; w < workers_; ++w) {
      first_segment_.push_back(segments_.size());
      for (const Segment& s : segments(y_desc_.shape.n, y_desc_.shape.tokens(), w, workers_))
        segments_.push_back(s);
    }
    first_segment_.push_back(segments_.size());
  }

  int stages() const override { return 2; }

  void run(int stage, const Worker& worker) const override {
    if (stage == 0) {
      const Share mine = share(y_desc_.shape.n * blocks_, worker.index, workers_);
      for (std::int64_t block = mine.begin; block < mine.end; ++block) sum_channels(block, worker);
      return;
    }
    const auto w = static_cast<std::size_t>(worker.index);
    for (std::size_t s = first_segment_[w]; s < first_segment_[w + 1]; ++s) normalize(s, worker);
  }

  std::string implementation() const override { return std::string("simd:") + simd::target_name(); }
  /// Shift, sum and sum of squares of every channel, for each block.
  std::size_t shared_bytes() const override {
    return static_cast<std::size_t>(y_desc_.shape.n * blocks_) * 3 * channels() * sizeof(float);
  }
  std::size_t scratch_bytes() const override { return 2 * channels() * sizeof(float); }

 private:
  static constexpr std::int64_t kBlockTokens = 16, kMaxBlocks = 32;

  struct Input {
    graph::Value value;
    tensor::Desc desc;
    /// Channels, and where they begin in the output.
    std::size_t c = 0, first = 0;
  };

  std::size_t channels() const { return static_cast<std::size_t>(y_desc_.shape.c); }
  float* sums(const Worker& worker, std::int64_t block) const {
    return reinterpret_cast<float*>(worker.shared) +
           static_cast<std::size_t>(block) * 3 * channels();
  }
  const std::byte* pixels(const Worker& worker, const Input& input, std::int64_t row,
                          std::int64_t pixel) const {
    return worker.value<std::byte>(input.value) +
           static_cast<std::size_t>(row) * input.desc.row_bytes() +
           static_cast<std::size_t>(pixel) * input.c * size_of(input.desc.dtype);
  }

  void sum_channels(std::int64_t block, const Worker& worker) const {
    const std::int64_t row = block / blocks_;
    const Share tokens =
        share(y_desc_.shape.tokens(), static_cast<int>(block % blocks_), static_cast<int>(blocks_));
    float* shift = sums(worker, block);
    for (const Input& input : inputs_) {
      simd::convert(input.desc.dtype, pixels(worker, input, row, 0), tensor::DType::f32,
                    shift + input.first, input.c, 1.0F, 0.0F);
      simd::shifted_moments(input.desc.dtype, pixels(worker, input, row, tokens.begin),
                            static_cast<std::size_t>(tokens.end - tokens.begin), input.c,
                            shift + input.first, shift + channels() + input.first,
                            shift + 2 * channels() + input.first);
    }
  }

  void normalize(std::size_t segment, const Worker& worker) const {
    const Segment& s = segments_[segment];
    auto* mean = reinterpret_cast<float*>(worker.scratch);
    float* scale = mean + channels();
    const auto* bias = reinterpret_cast<const float*>(bias_->data());
    const std::size_t group_size = channels() / static_cast<std::size_t>(op_.groups);
    for (std::size_t first = 0; first < channels(); first += group_size) {
      coefficients(s.row, worker, first, first + group_size, mean, scale);
    }
    for (const Input& input : inputs_) {
      std::byte* y =
          worker.value<std::byte>(y_) + static_cast<std::size_t>(s.row) * y_desc_.row_bytes() +
          (static_cast<std::size_t>(s.begin) * channels() + input.first) * size_of(y_desc_.dtype);
      simd::normalize(input.desc.dtype, pixels(worker, input, s.row, s.begin), y,
                      static_cast<std::size_t>(s.end - s.begin), input.c, channels(),
                      {mean + input.first, scale + input.first, bias + input.first}, op_.silu);
    }
  }

  /// Mean, and weight over standard deviation, for the channels [first, last) of one group, from
  /// the sums of every block of this row, which have the same shift.
  void coefficients(std::int64_t row, const Worker& worker, std::size_t first, std::size_t last,
                    float* mean, float* scale) const {
    Moments all;
    const auto n = static_cast<double>(y_desc_.shape.tokens());
    const float* const begin = sums(worker, row * blocks_);
    for (std::size_t c = first; c < last; ++c) {
      double sum = 0, squares = 0;
      for (std::int64_t block = 0; block < blocks_; ++block) {
        const float* base = begin + static_cast<std::size_t>(block) * 3 * channels();
        sum += base[channels() + c];
        squares += base[2 * channels() + c];
      }
      all.merge(n, begin[c] + sum / n, squares - sum * sum / n);
    }
    const double rstd = 1.0 / std::sqrt(std::max(all.m2 / all.count, 0.0) + op_.eps);
    const auto* weight = reinterpret_cast<const float*>(weight_->data());
    for (std::size_t c = first; c < last; ++c) {
      mean[c] = static_cast<float>(all.mean);
      scale[c] = static_cast<float>(rstd * weight[c]);
    }
  }

  graph::GroupNorm op_;
  graph::Value y_;
  tensor::Desc y_desc_;
  int workers_;
  /// Of a row's tokens.
  std::int64_t blocks_ = 1;
  std::vector<Input> inputs_;
  PackedWeight weight_, bias_;
  /// What is normalized. Those of all workers, in order.
  std::vector<Segment> segments_;
  /// By worker; one more at the end.
  std::vector<std::size_t> first_segment_;
};

class LayerNormKernel final : public Kernel {
 public:
  LayerNormKernel(const graph::LayerNorm& op, const KernelContext& context)
      : op_(op),
        x_(context.op.inputs[0]),
        y_(context.op.output),
        desc_(context.output()),
        workers_(context.workers) {
    weight_ = plain_weight(context, 0);
    bias_ = plain_weight(context, 1);
  }

  void run(int, const Worker& worker) const override {
    const Share mine = share(desc_.shape.n * desc_.shape.tokens(), worker.index, workers_);
    const auto c = static_cast<std::size_t>(desc_.shape.c);
    const std::size_t offset = static_cast<std::size_t>(mine.begin) * c * size_of(desc_.dtype);
    simd::layer_norm(desc_.dtype, worker.value<std::byte>(x_) + offset,
                     worker.value<std::byte>(y_) + offset, static_cast<std::size_t>(mine.size()), c,
                     reinterpret_cast<const float*>(weight_->data()),
                     reinterpret_cast<const float*>(bias_->data()), op_.eps);
  }

  std::string implementation() const override { return std::string("simd:") + simd::target_name(); }

 private:
  graph::LayerNorm op_;
  graph::Value x_, y_;
  tensor::Desc desc_;
  int workers_;
  PackedWeight weight_, bias_;
};

}  // namespace

std::unique_ptr<Kernel> make_kernel(const graph::GroupNorm& op, const KernelContext& context) {
  return std::make_unique<GroupNormKernel>(op, context);
}

std::unique_ptr<Kernel> make_kernel(const graph::LayerNorm& op, const KernelContext& context) {
  return std::make_unique<LayerNormKernel>(op, context);
}

}  // namespace streamdiffusion::backend::cpu
