// Convolutions. One oneDNN call a slice of image lines, single threaded, with the whole bias (time
// projection included) in the call: at the processor's ceiling for every shape measured, with no
// reorder and no pass of its own for the bias.
#include <cstring>
#include <map>
#include <tuple>

#include "backend/cpu/conv/forms.h"
#include "backend/cpu/conv/nchw8c.h"
#include "backend/cpu/conv/winograd.h"
#include "backend/cpu/onednn/convolution.h"
#include "backend/cpu/onednn/int8_input.h"
#include "backend/cpu/share.h"
#include "backend/cpu/weight_cache.h"

namespace streamdiffusion::backend::cpu {
namespace {

using dnnl::memory;
using graph::Conv2d;

/// A slice of output lines seen from the input: which lines it reads and how many zero lines
/// surround them.
struct Slice {
  std::int64_t first_line = 0, lines = 0;
  std::int64_t pad_top = 0, pad_bottom = 0;
};

Slice input_slice(const Conv2d& op, std::int64_t height, const Segment& out) {
  const std::int64_t begin = out.begin * op.stride - op.pad_begin;
  const std::int64_t end = (out.end - 1) * op.stride - op.pad_begin + op.kernel;
  Slice slice;
  slice.first_line = std::max<std::int64_t>(begin, 0);
  slice.lines = std::min(end, height) - slice.first_line;
  slice.pad_top = slice.first_line - begin;
  slice.pad_bottom = std::max<std::int64_t>(end - height, 0);
  return slice;
}

/// In how many parts the input channels are taken, each added to what those before it made. On AMX
/// the library keeps the weights of 64 output channels in the second-level cache (2 MiB), and as
/// many lines of the image beside them as there is room for; all weights are read again for the
/// next lines. Those of up to 832 channels leave room for sixteen lines of 16 pixels, those of
/// 2,560 for two or three.
std::int64_t input_parts(const Conv2d& op, tensor::DType dtype) {
  constexpr std::int64_t kMany = 1280, kMost = 832, kStep = 64;
  if (dtype != tensor::DType::bf16 || op.kernel != 3 || op.in <= kMany || op.in % kStep != 0 ||
      !has_isa(dnnl::cpu_isa::avx512_core_amx)) {
    return 1;
  }
  std::int64_t parts = (op.in + kMost - 1) / kMost;
  while (op.in / kStep % parts != 0) ++parts;
  return parts;
}

class Conv2dKernel final : public Kernel {
 public:
  Conv2dKernel(const Conv2d& op, const KernelContext& context)
      : op_(op),
        x_(context.op.inputs[0]),
        y_(context.op.output),
        x_desc_(context.input(0)),
        y_desc_(context.output()),
        int8_(Int8Input::of(context)),
        blocks_(!int8_ && wants_blocks(op, x_desc_.dtype)),
        part_(op.in / (int8_ ? 1 : input_parts(op, x_desc_.dtype))) {
    if (op.row_bias) row_bias_ = context.op.inputs[static_cast<std::size_t>(op.row_bias_input())];
    if (op.residual && !context.plan.in_place(context.op, op.residual_input())) {
      copied_residual_ = context.op.inputs[static_cast<std::size_t>(op.residual_input())];
    }
    if (op.bias) bias_ = context.cache.plain(context.weights, context.weight(1));
    if (int8_) bias_ = int8_->scaled_bias(bias_);
    for (int w = 0; w < context.workers; ++w) {
      pieces_.emplace_back();
      for (const Segment& segment :
           segments(y_desc_.shape.n, y_desc_.shape.h, w, context.workers)) {
        add_pieces(segment, context);
      }
    }
    for (const auto& [key, parts] : variants_) {
      for (const Primitive& primitive : parts)
        library_scratch_ = std::max(library_scratch_, aligned(primitive.scratch_bytes()));
    }
  }

  void run(int, const Worker& worker) const override {
    for (const Piece& piece : pieces_[static_cast<std::size_t>(worker.index)]) {
      auto* y = worker.value<std::byte>(y_) + piece.y_offset;
      const std::byte* x = worker.value<std::byte>(x_) + piece.x_offset;
      const std::byte* residual = y;
      if (copied_residual_) residual = worker.value<std::byte>(copied_residual_) + piece.y_offset;
      if (blocks_) {
        run_in_blocks(worker, piece, x, residual, y);
        continue;
      }
      if (copied_residual_) std::memcpy(y, residual, piece.y_bytes);
      if (int8_) x = read_bytes(worker, x, piece);
      run_parts(worker, piece, x, y);
    }
  }

  std::string implementation() const override {
    return variants_.empty() ? "none" : variants_.begin()->second.front().implementation();
  }

  std::size_t scratch_bytes() const override {
    std::size_t most = 0;
    for (const auto& tiles : pieces_) {
      for (const Piece& piece : tiles) {
        if (int8_) most = std::max(most, piece.x_elements);
        if (blocks_) most = std::max(most, block_bytes(piece) + piece.y_bytes);
        if (part_ != op_.in) most = std::max(most, pixels_read(piece) * part_bytes());
      }
    }
    return library_scratch_ + bias_bytes() + most;
  }

 private:
  struct Piece {
    /// Of the input channels, in order.
    const std::vector<Primitive>* parts = nullptr;
    std::int64_t row = 0;
    std::size_t x_offset = 0, x_elements = 0, y_offset = 0, y_bytes = 0;
  };
  /// Input lines, zero lines above and below.
  using Variant = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

  void run_parts(const Worker& worker, const Piece& piece, const void* x, void* y) const {
    for (std::size_t i = 0; i < piece.parts->size(); ++i) {
      const void* in = part_ == op_.in ? x : copy_part(worker, piece, x, i);
      if (row_bias_ && i == 0) {
        piece.parts->front().run(worker, {in, y, row_bias(worker, piece)});
      } else {
        (*piece.parts)[i].run(worker, {in, y});
      }
    }
  }

  std::size_t part_bytes() const {
    return static_cast<std::size_t>(part_) * size_of(x_desc_.dtype);
  }
  std::size_t pixels_read(const Piece& piece) const {
    return piece.x_elements / static_cast<std::size_t>(op_.in);
  }

  /// Part `index` of the input channels of a piece's pixels.
  const std::byte* copy_part(const Worker& worker, const Piece& piece, const void* x,
                             std::size_t index) const {
    std::byte* part = worker.scratch + library_scratch_;
    const std::size_t pixel = static_cast<std::size_t>(op_.in) * size_of(x_desc_.dtype);
    const std::byte* from = static_cast<const std::byte*>(x) + index * part_bytes();
    for (std::size_t i = 0; i < pixels_read(piece); ++i)
      std::memcpy(part + i * part_bytes(), from + i * pixel, part_bytes());
    return part;
  }

  void run_in_blocks(const Worker& worker, const Piece& piece, const std::byte* x,
                     const std::byte* residual, std::byte* y) const {
    std::byte* scratch = worker.scratch + library_scratch_ + bias_bytes();
    auto* in = reinterpret_cast<float*>(scratch);
    auto* out = reinterpret_cast<float*>(scratch + block_bytes(piece));
    const auto channels_in = static_cast<std::size_t>(op_.in),
               channels_out = static_cast<std::size_t>(op_.out);
    const std::size_t pixels = piece.y_bytes / sizeof(float) / channels_out;
    to_blocks(reinterpret_cast<const float*>(x), piece.x_elements / channels_in, channels_in, in);
    if (op_.residual)
      to_blocks(reinterpret_cast<const float*>(residual), pixels, channels_out, out);
    run_parts(worker, piece, in, out);
    from_blocks(out, pixels, channels_out, reinterpret_cast<float*>(y));
  }

  static std::size_t block_bytes(const Piece& piece) {
    return aligned(piece.x_elements * sizeof(float));
  }

  /// A row's bias as the library adds it, then a piece's input in bytes or its input and output in
  /// blocks, lie behind the library's own scratch.
  std::size_t bias_bytes() const {
    return row_bias_ && int8_ ? aligned(static_cast<std::size_t>(op_.out) * sizeof(float)) : 0;
  }

  const std::byte* read_bytes(const Worker& worker, const std::byte* x, const Piece& piece) const {
    std::byte* bytes = worker.scratch + library_scratch_ + bias_bytes();
    int8_->quantize(x, piece.x_elements, reinterpret_cast<std::uint8_t*>(bytes));
    return bytes;
  }

  const float* row_bias(const Worker& worker, const Piece& piece) const {
    const float* bias = worker.value<float>(row_bias_) + piece.row * op_.out;
    if (!int8_) return bias;
    auto* scaled = reinterpret_cast<float*>(worker.scratch + library_scratch_);
    int8_->scale_bias(bias, scaled);
    return scaled;
  }

  /// The whole segment; where the input is copied so much at a time that the copy stays in cache.
  void add_pieces(const Segment& segment, const KernelContext& context) {
    const auto weights = static_cast<std::size_t>(op_.out * op_.in * op_.kernel * op_.kernel);
    const auto line = static_cast<std::size_t>(x_desc_.shape.w * op_.in * op_.stride);
    std::int64_t most = segment.end - segment.begin;
    if (int8_) most = lines_of_tile(weights, line);
    if (blocks_) most = kLinesInBlocks;
    for (const Segment& piece : tiles(segment, most))
      pieces_.back().push_back(make_piece(piece, context));
  }

  Piece make_piece(const Segment& segment, const KernelContext& context) {
    const Slice slice = input_slice(op_, x_desc_.shape.h, segment);
    const Variant key{slice.lines, slice.pad_top, slice.pad_bottom};
    auto found = variants_.find(key);
    if (found == variants_.end()) {
      found = variants_.try_emplace(key).first;
      for (std::int64_t first = 0; first < op_.in; first += part_)
        found->second.push_back(make_primitive(slice, segment, first, context));
    }
    const std::size_t x_line = x_desc_.row_bytes() / static_cast<std::size_t>(x_desc_.shape.h);
    const std::size_t y_line = y_desc_.row_bytes() / static_cast<std::size_t>(y_desc_.shape.h);
    const auto row = static_cast<std::size_t>(segment.row);
    return {&found->second,
            segment.row,
            row * x_desc_.row_bytes() + static_cast<std::size_t>(slice.first_line) * x_line,
            static_cast<std::size_t>(slice.lines * x_desc_.shape.w * op_.in),
            row * y_desc_.row_bytes() + static_cast<std::size_t>(segment.begin) * y_line,
            static_cast<std::size_t>(segment.end - segment.begin) * y_line};
  }

  /// For the part of the input channels from `first` on.
  Primitive make_primitive(const Slice& slice, const Segment& segment, std::int64_t first,
                           const KernelContext& context) {
    const std::int64_t k = op_.kernel, width = y_desc_.shape.w;
    const ConvolutionShape shape{
        .in = part_,
        .out = op_.out,
        .in_lines = slice.lines,
        .in_width = x_desc_.shape.w,
        .out_lines = segment.end - segment.begin,
        .out_width = width,
        .kernel = k,
        .stride = op_.stride,
        .pad_top = slice.pad_top,
        .pad_left = op_.pad_begin,
        .pad_bottom = slice.pad_bottom,
        .pad_right = std::max<std::int64_t>(
            (width - 1) * op_.stride + k - op_.pad_begin - x_desc_.shape.w, 0),
        .from = x_desc_.dtype,
        .to = y_desc_.dtype,
        .bias = first == 0 && (op_.bias || op_.row_bias),
        .int8 = int8_.has_value(),
        .nChw8c = blocks_};
    const bool last = first + part_ == op_.in;
    const dnnl::primitive_attr after =
        epilogue(op_.residual || first > 0, last ? op_.act : graph::Activation::none);
    const auto desc = convolution_desc(shape, int8_ ? int8_->attributes(after) : after);
    const memory::desc plain({op_.out, part_, k, k}, memory::data_type::f32,
                             memory::dims{op_.in * k * k, k * k, k, 1});
    const auto parts = static_cast<std::size_t>(op_.in / part_),
               index = static_cast<std::size_t>(first / part_);
    weights_.push_back(context.cache.packed(context.weights, context.weight(0), plain,
                                            desc.weights_desc(), parts,
                                            static_cast<std::size_t>(part_ * k * k)));
    const std::byte* weights = weights_.back()->data() + index * desc.weights_desc().get_size();
    return make_convolution(desc, weights, shape.bias, bias_ ? bias_->data() : nullptr,
                            context.workers);
  }

  Conv2d op_;
  graph::Value x_, y_, row_bias_, copied_residual_;
  tensor::Desc x_desc_, y_desc_;
  std::optional<Int8Input> int8_;
  bool blocks_;
  /// Input channels that are taken at once.
  std::int64_t part_;
  std::size_t library_scratch_ = 0;
  PackedWeight bias_;
  std::vector<PackedWeight> weights_;
  std::map<Variant, std::vector<Primitive>> variants_;
  /// By worker.
  std::vector<std::vector<Piece>> pieces_;
};

}  // namespace

std::unique_ptr<Kernel> make_kernel(const Conv2d& op, const KernelContext& context) {
  if (const auto size = winograd_size(op, context)) return make_winograd(op, *size, context);
  if (op.doubled) return make_upsample2x(op, context);
  if (is_few_channel(op, context.input(0).dtype)) return make_few_channel(op, context);
  return std::make_unique<Conv2dKernel>(op, context);
}

}  // namespace streamdiffusion::backend::cpu
