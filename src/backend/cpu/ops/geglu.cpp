// GEGLU (Shazeer 2020, arXiv 2002.05202): y = values * gelu(gates), where values and gates are the
// two halves of one linear layer. Its GEMM runs on a tile of tokens at a time into scratch memory
// that stays in cache, and from there through GEGLU to the output.
#include <algorithm>
#include <map>

#include "backend/cpu/onednn/int8_input.h"
#include "backend/cpu/onednn/matmul.h"
#include "backend/cpu/share.h"
#include "backend/cpu/simd/simd.h"

namespace streamdiffusion::backend::cpu {
namespace {

using dnnl::memory;

/// A matrix [rows, columns] whose panels of `panel` columns lie one behind the other, each a dense
/// matrix.
memory::desc panels_desc(std::int64_t rows, std::int64_t columns, std::int64_t panel) {
  memory::desc desc({rows, columns}, memory::data_type::f32, memory::format_tag::ab);
  auto& blocking = desc.data.format_desc.blocking;
  blocking.strides[0] = panel;
  blocking.strides[1] = rows * panel;
  blocking.inner_nblks = 1;
  blocking.inner_blks[0] = panel;
  blocking.inner_idxs[0] = 1;
  return desc;
}

/// Where oneDNN packs W anew on each run, a GEMM with long rows of W packs slowly. There the
/// columns too are split, into panels: some of the values, and as many of the gates.
class GegluKernel final : public Kernel {
 public:
  GegluKernel(const graph::GegluLinear& op, const KernelContext& context)
      : x_(context.op.inputs[0]),
        y_(context.op.output),
        dtype_(context.output().dtype),
        in_(op.in),
        out_(op.out),
        panel_(op.out),
        workers_(context.workers),
        int8_(Int8Input::of(context, stored_values(context, 0))) {
    choose_tile(context);
    bias_ = plain_weight(context, 1);
    if (int8_) bias_ = int8_->scaled_bias(bias_);
    for (int w = 0; w < workers_; ++w) {
      parts_.push_back(tokens_.parts(w, workers_, tile_));
      for (const Share& part : parts_.back()) add_variant(part.size(), context);
    }
    for (const auto& [m, matmuls] : variants_)
      library_scratch_ = std::max(library_scratch_, aligned(matmuls[0].scratch_bytes()));
  }

  void run(int, const Worker& worker) const override {
    const std::size_t element = size_of(dtype_);
    for (const Share& part : parts_[static_cast<std::size_t>(worker.index)]) {
      const std::int64_t m = part.size();
      const auto offset = static_cast<std::size_t>(part.begin) * element;
      const std::byte* x = worker.value<std::byte>(x_) + offset * static_cast<std::size_t>(in_);
      if (int8_) {
        auto* quantized =
            reinterpret_cast<std::uint8_t*>(gemm_output(worker) + gemm_output_bytes());
        int8_->quantize(x, static_cast<std::size_t>(m * in_), quantized);
        x = reinterpret_cast<const std::byte*>(quantized);
      }
      std::byte* y = worker.value<std::byte>(y_) + offset * static_cast<std::size_t>(out_);
      for (std::int64_t first = 0; first < out_; first += panel_)
        make_panel(worker, m, first / panel_, x, y + static_cast<std::size_t>(first) * element);
    }
  }

  std::string implementation() const override {
    return variants_.begin()->second[0].implementation();
  }

  std::size_t scratch_bytes() const override {
    return library_scratch_ + gemm_output_bytes() +
           (int8_ ? static_cast<std::size_t>(tile_ * in_) : 0);
  }

 private:
  /// As many tokens as keep the GEMM's output (two halves a token) in kCacheBytes, a part of the
  /// second-level cache. But each tile reads all weights, so that its output may be as large as
  /// they are. Where oneDNN packs the weights on each run, tiles are larger still, unless panels
  /// keep the packing small.
  void choose_tile(const KernelContext& context) {
    constexpr std::int64_t kCacheBytes = 512 << 10, kMaxTokens = 256, kMaxTokensPacked = 1024;
    const auto element = static_cast<std::int64_t>(size_of(dtype_));
    const std::int64_t bytes = std::max(kCacheBytes, 2 * out_ * in_ * element);
    tile_ = std::clamp<std::int64_t>(bytes / (2 * out_ * element) / 16 * 16, 16, kMaxTokens);
    const auto desc = gemm_desc(tile_, 2 * out_);
    if (packs_on_each_run(desc)) {
      if (!int8_) panel_ = widest_panel();
      tile_ = in_panels() ? kMaxTokens : kMaxTokensPacked;
    }
    const tensor::Shape& shape = context.output().shape;
    tokens_ = tokens_of(shape.n, shape.tokens(), desc, context);
    tile_ = std::clamp<std::int64_t>((tokens_.a_row + tokens_.cuts - 1) / tokens_.cuts, 1, tile_);
  }

  /// The widest of 64 to 320 channels that divides the channels; all of them if none does.
  std::int64_t widest_panel() const {
    constexpr std::int64_t kMin = 64, kMax = 320;
    for (std::int64_t panel = std::min(kMax, out_ - 1); panel >= kMin; --panel)
      if (out_ % panel == 0) return panel;
    return out_;
  }

  bool in_panels() const { return panel_ < out_; }
  std::int64_t gemm_columns() const { return in_panels() ? panel_ : 2 * out_; }

  dnnl::matmul::primitive_desc gemm_desc(std::int64_t m, std::int64_t columns) const {
    const dnnl::primitive_attr post_ops = epilogue(false, graph::Activation::none);
    return matmul_desc({m, in_, columns, dtype_, dtype_, true, int8_.has_value()},
                       int8_ ? int8_->attributes(post_ops) : post_ops);
  }

  std::byte* gemm_output(const Worker& worker) const { return worker.scratch + library_scratch_; }
  std::size_t gemm_output_bytes() const {
    return aligned(static_cast<std::size_t>(tile_ * 2 * panel_) * size_of(dtype_));
  }

  /// The matmuls of m tokens: one with all columns, or one for each panel, the gates' last.
  void add_variant(std::int64_t m, const KernelContext& context) {
    if (variants_.contains(m)) return;
    const std::int64_t columns = gemm_columns();
    const auto desc = gemm_desc(m, columns);
    weights_.push_back(
        pack_matrix(context, in_, 2 * out_,
                    in_panels() ? panels_desc(in_, 2 * out_, panel_) : desc.weights_desc()));
    std::vector<Primitive>& matmuls = variants_[m];
    for (std::int64_t first = 0; first < 2 * out_; first += columns) {
      const auto at = static_cast<std::size_t>(first) * sizeof(float);
      matmuls.push_back(make_matmul(desc,
                                    weights_.back()->data() + at * static_cast<std::size_t>(in_),
                                    bias_->data() + at, workers_));
    }
  }

  void make_panel(const Worker& worker, std::int64_t m, std::int64_t panel, const std::byte* x,
                  std::byte* y) const {
    const std::vector<Primitive>& matmuls = variants_.at(m);
    const auto channels = static_cast<std::size_t>(panel_), tokens = static_cast<std::size_t>(m);
    std::byte* values = gemm_output(worker);
    std::byte* gates = values + channels * (in_panels() ? tokens : 1) * size_of(dtype_);
    matmuls[static_cast<std::size_t>(panel)].run(worker, {x, values});
    if (in_panels())
      matmuls[static_cast<std::size_t>(out_ / panel_ + panel)].run(worker, {x, gates});
    simd::geglu(dtype_, {.values = values,
                         .gates = gates,
                         .stride = in_panels() ? channels : 2 * channels,
                         .y = y,
                         .y_stride = static_cast<std::size_t>(out_),
                         .tokens = tokens,
                         .channels = channels});
  }

  graph::Value x_, y_;
  tensor::DType dtype_;
  std::int64_t in_, out_, tile_ = 0;
  Tokens tokens_;
  /// Output channels of a panel; all without panels.
  std::int64_t panel_;
  int workers_;
  std::optional<Int8Input> int8_;
  std::size_t library_scratch_ = 0;
  PackedWeight bias_;
  std::vector<PackedWeight> weights_;
  /// By worker.
  std::vector<std::vector<Share>> parts_;
  /// By number of tokens.
  std::map<std::int64_t, std::vector<Primitive>> variants_;
};

}  // namespace

std::unique_ptr<Kernel> make_kernel(const graph::GegluLinear& op, const KernelContext& context) {
  return std::make_unique<GegluKernel>(op, context);
}

}  // namespace streamdiffusion::backend::cpu
