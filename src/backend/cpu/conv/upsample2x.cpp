// A nearest upsampling by two and the 3 x 3 convolution after it, fused. The output pixels fall
// into four subpixel phases (graph/upsample2x.h), each a 2 x 2 convolution of the small image: 4/9
// of the multiplications, and no large image in between. A phase is made in scratch memory; from
// there its pixels are interleaved with those of the other phases.
#include "graph/upsample2x.h"

#include <array>
#include <cstring>
#include <map>
#include <tuple>

#include "backend/cpu/conv/forms.h"
#include "backend/cpu/conv/tiles.h"
#include "backend/cpu/onednn/convolution.h"
#include "backend/cpu/onednn/int8_input.h"
#include "backend/cpu/onednn/staging.h"
#include "backend/cpu/share.h"

namespace streamdiffusion::backend::cpu {
namespace {

using dnnl::memory;
using graph::Conv2d;

/// The weights of the four phases, [out, phase, in, 2, 2].
WeightValues phase_values(const KernelContext& context) {
  const WeightValues stored = stored_values(context, 0);
  return {stored.key + "\nphases", stored.rows, [stored, &context, &weight = context.weight(0)] {
            const std::int64_t out = weight.dims[0], in = weight.dims[1];
            const auto values = context.staging.transformed(graph::folded_size(out, in));
            graph::fold_upsample2x(stored.read(), out, in, values);
            return values;
          }};
}

class Upsample2xConv2d final : public Kernel {
 public:
  Upsample2xConv2d(const Conv2d& op, const KernelContext& context)
      : op_(op),
        x_(context.op.inputs[0]),
        y_(context.op.output),
        x_desc_(context.input(0)),
        y_desc_(context.output()),
        int8_(Int8Input::of(context, phase_values(context))) {
    if (op.bias) bias_ = plain_weight(context, 1);
    if (int8_) bias_ = int8_->scaled_bias(bias_);
    for (const std::vector<Segment>& of_worker : cut_lines(lines(), context, calls_of_tile())) {
      tiles_.emplace_back();
      for (const Segment& out : of_worker) tiles_.back().push_back(make_tile(out, context));
    }
    for (const auto& [key, primitive] : variants_)
      library_scratch_ = std::max(library_scratch_, aligned(primitive.scratch_bytes()));
  }

  void run(int, const Worker& worker) const override {
    for (const Tile& tile : tiles_[static_cast<std::size_t>(worker.index)]) {
      const std::byte* x = source(worker, tile);
      std::byte* result = worker.scratch + library_scratch_;
      for (int phase = 0; phase < graph::kPhases; ++phase) {
        const PhaseCall& phase_call = tile.phases[static_cast<std::size_t>(phase)];
        phase_call.primitive->run(worker, {x + phase_call.x_offset, result});
        interleave(result, tile, phase, worker.value<std::byte>(y_));
      }
    }
  }

  std::string implementation() const override {
    if (variants_.empty()) return "none";
    return std::string(kUpsample2x.name) + " + " + variants_.begin()->second.implementation();
  }

  std::size_t scratch_bytes() const override {
    std::size_t lines = 0;
    for (const auto& tiles : tiles_) {
      for (const Tile& tile : tiles)
        lines = std::max(lines, static_cast<std::size_t>(tile.lines()));
    }
    const std::size_t bytes = int8_ ? (lines + 2) * x_line_elements() : 0;
    return library_scratch_ + aligned(lines * phase_line_bytes()) + bytes;
  }

 private:
  struct PhaseCall {
    const Primitive* primitive = nullptr;
    /// Bytes from the tile's first input line to the phase's.
    std::size_t x_offset = 0;
  };
  struct Tile {
    /// Lines of the input that are upsampled.
    Segment out;
    /// First and number of the input lines that are read: one more above and below.
    std::int64_t first = 0, input_lines = 0;
    std::array<PhaseCall, graph::kPhases> phases;
    std::int64_t lines() const { return out.end - out.begin; }
  };
  /// The input lines that a phase of a tile reads, and the zero lines above and below.
  struct PhaseLines {
    int phase = 0;
    std::int64_t first = 0, count = 0, pad_top = 0, pad_bottom = 0;
  };
  /// Phase, input lines, zero lines above and below.
  using Variant = std::tuple<int, std::int64_t, std::int64_t, std::int64_t>;

  std::size_t x_line_elements() const { return static_cast<std::size_t>(x_desc_.shape.w * op_.in); }
  std::size_t phase_line_bytes() const {
    return static_cast<std::size_t>(x_desc_.shape.w * op_.out) * size_of(y_desc_.dtype);
  }

  /// The tile's input lines, quantized if the op is int8.
  const std::byte* source(const Worker& worker, const Tile& tile) const {
    const std::size_t line = x_line_elements() * size_of(x_desc_.dtype);
    const std::int64_t first = tile.out.row * x_desc_.shape.h + tile.first;
    const std::byte* x = worker.value<std::byte>(x_) + static_cast<std::size_t>(first) * line;
    if (!int8_) return x;
    std::byte* quantized = worker.scratch + library_scratch_ +
                           aligned(static_cast<std::size_t>(tile.lines()) * phase_line_bytes());
    int8_->quantize(x, static_cast<std::size_t>(tile.input_lines) * x_line_elements(),
                    reinterpret_cast<std::uint8_t*>(quantized));
    return quantized;
  }

  /// Writes a phase's pixels to every second column of every second line of y.
  void interleave(const std::byte* result, const Tile& tile, int phase, std::byte* y) const {
    const std::size_t pixel = static_cast<std::size_t>(op_.out) * size_of(y_desc_.dtype);
    const std::int64_t first = tile.out.row * y_desc_.shape.h + 2 * tile.out.begin + phase / 2;
    for (std::int64_t line = 0; line < tile.lines(); ++line) {
      std::byte* to =
          y + static_cast<std::size_t>((first + 2 * line) * y_desc_.shape.w + phase % 2) * pixel;
      for (std::int64_t i = 0; i < x_desc_.shape.w; ++i, result += pixel, to += 2 * pixel)
        std::memcpy(to, result, pixel);
    }
  }

  /// Of the input.
  Lines lines() const {
    const std::size_t weights =
        static_cast<std::size_t>(op_.out * op_.in * 4) * size_of(x_desc_.dtype);
    return {x_desc_.shape.n, x_desc_.shape.h, lines_of_tile(weights, phase_line_bytes())};
  }

  CallsOfTile calls_of_tile() const {
    if (int8_) return {};  // sums of integers
    return [this](const Segment& out) {
      std::vector<ConvolutionCall> calls;
      for (int phase = 0; phase < graph::kPhases; ++phase)
        calls.push_back({shape_of(phase_lines(out, phase)), false, op_.act});
      return calls;
    };
  }

  PhaseLines phase_lines(const Segment& out, int phase) const {
    const std::int64_t begin = out.begin - 1 + phase / 2, end = out.end + phase / 2;
    const std::int64_t first = std::max<std::int64_t>(begin, 0);
    const std::int64_t last = std::min(end, x_desc_.shape.h);
    return {phase, first, last - first, first - begin, end - last};
  }

  Tile make_tile(const Segment& out, const KernelContext& context) {
    Tile tile{.out = out, .first = std::max<std::int64_t>(out.begin - 1, 0)};
    tile.input_lines = std::min(out.end + 1, x_desc_.shape.h) - tile.first;
    const std::size_t line = x_line_elements() * (int8_ ? 1 : size_of(x_desc_.dtype));
    for (int phase = 0; phase < graph::kPhases; ++phase) {
      const PhaseLines read = phase_lines(out, phase);
      const Variant key{phase, read.count, read.pad_top, read.pad_bottom};
      auto found = variants_.find(key);
      if (found == variants_.end())
        found = variants_.emplace(key, make_primitive(read, context)).first;
      tile.phases[static_cast<std::size_t>(phase)] = {
          &found->second, static_cast<std::size_t>(read.first - tile.first) * line};
    }
    return tile;
  }

  ConvolutionShape shape_of(const PhaseLines& read) const {
    const std::int64_t right = read.phase % 2;
    return {.in = op_.in,
            .out = op_.out,
            .in_lines = read.count,
            .in_width = x_desc_.shape.w,
            .out_lines = read.count + read.pad_top + read.pad_bottom - 1,
            .out_width = x_desc_.shape.w,
            .kernel = 2,
            .pad_top = read.pad_top,
            .pad_left = 1 - right,
            .pad_bottom = read.pad_bottom,
            .pad_right = right,
            .from = x_desc_.dtype,
            .to = y_desc_.dtype,
            .bias = op_.bias,
            .int8 = int8_.has_value()};
  }

  Primitive make_primitive(const PhaseLines& read, const KernelContext& context) {
    const ConvolutionShape shape = shape_of(read);
    const dnnl::primitive_attr post_ops = epilogue(false, op_.act);
    const auto desc = convolution_desc(shape, int8_ ? int8_->attributes(post_ops) : post_ops);
    const memory::desc stored({op_.out, op_.in, 2, 2}, memory::data_type::f32,
                              memory::dims{graph::kPhases * op_.in * 4, 4, 2, 1});
    weights_.push_back(pack_weight(
        context.cache, phase_values(context),
        {.slice = stored, .count = graph::kPhases, .step = static_cast<std::size_t>(op_.in * 4)},
        desc.weights_desc()));
    const std::byte* weights = weights_.back()->data() + static_cast<std::size_t>(read.phase) *
                                                             desc.weights_desc().get_size();
    return make_convolution(desc, weights, op_.bias, bias_ ? bias_->data() : nullptr,
                            context.workers);
  }

  Conv2d op_;
  graph::Value x_, y_;
  tensor::Desc x_desc_, y_desc_;
  std::optional<Int8Input> int8_;
  std::size_t library_scratch_ = 0;
  PackedWeight bias_;
  std::vector<PackedWeight> weights_;
  std::map<Variant, Primitive> variants_;
  /// By worker.
  std::vector<std::vector<Tile>> tiles_;
};

bool applies_upsample2x(const Conv2d& op, const KernelContext&) {
  return op.upsample2x;
}

std::unique_ptr<Kernel> make_upsample2x(const Conv2d& op, const KernelContext& context) {
  return std::make_unique<Upsample2xConv2d>(op, context);
}

}  // namespace

const ConvForm kUpsample2x{"upsample2x", applies_upsample2x, make_upsample2x, 16.0 / 9};

}  // namespace streamdiffusion::backend::cpu
