// The plain form: one oneDNN convolution for each tile, with bias, row bias (the time embedding),
// residual and activation in the same call. The measured shapes run at the processor's peak,
// without a reorder of the image. In int8 the input is quantized tile by tile, on its way into the
// cache.
#include <cstring>

#include "backend/cpu/conv/forms.h"
#include "backend/cpu/conv/tiles.h"
#include "backend/cpu/onednn/int8_input.h"

namespace streamdiffusion::backend::cpu {
namespace {

using dnnl::memory;
using graph::Conv2d;

/// In int8 as many lines as stay in cache between the quantization and the convolution.
std::optional<std::int64_t> max_lines(const Conv2d& op, const KernelContext& context) {
  if (!context.op.input_range) return std::nullopt;
  return lines_of_tile(static_cast<std::size_t>(op.out * op.in * op.kernel * op.kernel),
                       static_cast<std::size_t>(context.input(0).shape.w * op.in * op.stride));
}

CallsOfShape calls_of(const Conv2d& op, const KernelContext& context) {
  if (context.op.input_range) return {};  // sums of integers
  return [residual = op.residual, act = op.act](const ConvolutionShape& shape) {
    return std::vector<ConvolutionCall>{{shape, residual, act}};
  };
}

class DirectConv2d final : public TiledConv2d {
 public:
  DirectConv2d(const Conv2d& op, const KernelContext& context)
      : TiledConv2d(op, context, max_lines(op, context), calls_of(op, context)),
        int8_(Int8Input::of(context, stored_values(context, 0))) {
    if (int8_) bias_ = int8_->scaled_bias(bias_);
    for (const ConvolutionShape& shape : tiles_.shapes()) {
      primitives_.push_back(make_primitive(shape, context));
      reserve_scratch(primitives_.back());
    }
  }

  std::string implementation() const override {
    return primitives_.empty() ? "none" : primitives_.front().implementation();
  }

  /// oneDNN's own, the row bias as it adds it, the quantized input.
  std::size_t scratch_bytes() const override {
    const auto elements = [](const ConvTile& tile) { return tile.x_elements; };
    return library_scratch_ + bias_bytes() + (int8_ ? tiles_.max_over(elements) : 0);
  }

 protected:
  void run_tile(const Worker& worker, const ConvTile& tile, const std::byte* x,
                const std::byte* residual, std::byte* y) const override {
    if (residual != y) std::memcpy(y, residual, tile.y_bytes);
    if (int8_) x = quantized(worker, tile, x);
    const Primitive& primitive = primitives_[tile.shape];
    if (row_bias_) {
      primitive.run(worker, {x, y, scaled_row_bias(worker, tile)});
    } else {
      primitive.run(worker, {x, y});
    }
  }

 private:
  Primitive make_primitive(ConvolutionShape shape, const KernelContext& context) {
    shape.int8 = int8_.has_value();
    const dnnl::primitive_attr post_ops = epilogue(op_.residual, op_.act);
    const auto desc = convolution_desc(shape, int8_ ? int8_->attributes(post_ops) : post_ops);
    const memory::desc stored({op_.out, op_.in, op_.kernel, op_.kernel}, memory::data_type::f32,
                              memory::format_tag::oihw);
    weights_.push_back(
        pack_weight(context.cache, stored_values(context, 0), {stored}, desc.weights_desc()));
    return make_convolution(desc, weights_.back()->data(), shape.bias,
                            bias_ ? bias_->data() : nullptr, context.workers);
  }

  std::size_t bias_bytes() const {
    return row_bias_ && int8_ ? aligned(static_cast<std::size_t>(op_.out) * sizeof(float)) : 0;
  }

  const std::byte* quantized(const Worker& worker, const ConvTile& tile, const std::byte* x) const {
    std::byte* to = worker.scratch + library_scratch_ + bias_bytes();
    int8_->quantize(x, tile.x_elements, reinterpret_cast<std::uint8_t*>(to));
    return to;
  }

  const float* scaled_row_bias(const Worker& worker, const ConvTile& tile) const {
    const float* bias = row_bias(worker, tile);
    if (!int8_) return bias;
    auto* scaled = reinterpret_cast<float*>(worker.scratch + library_scratch_);
    int8_->scale_bias(bias, scaled);
    return scaled;
  }

  std::optional<Int8Input> int8_;
  std::vector<PackedWeight> weights_;
  /// By shape.
  std::vector<Primitive> primitives_;
};

bool applies_direct(const Conv2d&, const KernelContext&) {
  return true;
}

std::unique_ptr<Kernel> make_direct(const Conv2d& op, const KernelContext& context) {
  return std::make_unique<DirectConv2d>(op, context);
}

}  // namespace

const ConvForm kDirect{"direct", applies_direct, make_direct};

}  // namespace streamdiffusion::backend::cpu
