// Split-K: the sum over the input channels in slices, each of which accumulates onto the output of
// those before it. On AMX oneDNN keeps the weights of 64 output channels in the second-level cache
// (2 MiB) and beside them as many lines of the image as fit; for the next lines it reads all
// weights again. The weights of up to 832 input channels leave room for sixteen lines of 16 pixels,
// those of 2,560 for two or three. So many channels are therefore split.
#include <cstring>

#include "backend/cpu/conv/forms.h"
#include "backend/cpu/conv/tiles.h"
#include "backend/cpu/onednn/weight_packing.h"

namespace streamdiffusion::backend::cpu {
namespace {

using dnnl::memory;
using graph::Conv2d;

/// Number of input-channel slices; one for an op that is not split.
std::int64_t slice_count(const Conv2d& op, tensor::DType dtype) {
  constexpr std::int64_t kMaxUnsplit = 1280, kMaxSlice = 832, kMultiple = 64;
  if (dtype != tensor::DType::bf16 || op.kernel != 3 || op.in <= kMaxUnsplit ||
      op.in % kMultiple != 0 || !has_isa(dnnl::cpu_isa::avx512_core_amx)) {
    return 1;
  }
  std::int64_t slices = (op.in + kMaxSlice - 1) / kMaxSlice;
  while (op.in / kMultiple % slices != 0) ++slices;
  return slices;
}

/// The first slice adds bias and residual, the last applies the activation.
ConvolutionCall slice_of(const Conv2d& op, ConvolutionShape shape, std::int64_t slice,
                         std::int64_t slices) {
  shape.in /= slices;
  shape.bias = shape.bias && slice == 0;
  return {shape, op.residual || slice > 0, slice == slices - 1 ? op.act : graph::Activation::none};
}

CallsOfShape calls_of(const Conv2d& op, std::int64_t slices) {
  return [&op, slices](const ConvolutionShape& shape) {
    std::vector<ConvolutionCall> calls;
    for (std::int64_t slice = 0; slice < slices; ++slice)
      calls.push_back(slice_of(op, shape, slice, slices));
    return calls;
  };
}

class SplitKConv2d final : public TiledConv2d {
 public:
  SplitKConv2d(const Conv2d& op, const KernelContext& context)
      : TiledConv2d(op, context, std::nullopt,
                    calls_of(op, slice_count(op, context.input(0).dtype))),
        slices_(slice_count(op, dtype_)),
        slice_channels_(op.in / slices_) {
    for (const ConvolutionShape& shape : tiles_.shapes()) {
      std::vector<Primitive>& slices = primitives_.emplace_back();
      for (std::int64_t slice = 0; slice < slices_; ++slice) {
        slices.push_back(make_primitive(shape, slice, context));
        reserve_scratch(slices.back());
      }
    }
  }

  std::string implementation() const override {
    if (primitives_.empty()) return "none";
    return std::string(kSplitK.name) + " + " + primitives_.front().front().implementation();
  }

  /// oneDNN's own, and a slice of a tile's input.
  std::size_t scratch_bytes() const override {
    return library_scratch_ +
           tiles_.max_over([&](const ConvTile& tile) { return pixels_read(tile) * slice_bytes(); });
  }

 protected:
  void run_tile(const Worker& worker, const ConvTile& tile, const std::byte* x,
                const std::byte* residual, std::byte* y) const override {
    if (residual != y) std::memcpy(y, residual, tile.y_bytes);
    const std::vector<Primitive>& slices = primitives_[tile.shape];
    for (std::size_t slice = 0; slice < slices.size(); ++slice) {
      const std::byte* in = copy_slice(worker, tile, x, slice);
      if (row_bias_ && slice == 0) {
        slices[slice].run(worker, {in, y, row_bias(worker, tile)});
      } else {
        slices[slice].run(worker, {in, y});
      }
    }
  }

 private:
  std::size_t slice_bytes() const {
    return static_cast<std::size_t>(slice_channels_) * size_of(dtype_);
  }
  std::size_t pixels_read(const ConvTile& tile) const {
    return tile.x_elements / static_cast<std::size_t>(op_.in);
  }

  /// The channels of one slice, dense.
  const std::byte* copy_slice(const Worker& worker, const ConvTile& tile, const std::byte* x,
                              std::size_t slice) const {
    std::byte* to = worker.scratch + library_scratch_;
    const std::size_t pixel = static_cast<std::size_t>(op_.in) * size_of(dtype_);
    const std::byte* from = x + slice * slice_bytes();
    for (std::size_t i = 0; i < pixels_read(tile); ++i)
      std::memcpy(to + i * slice_bytes(), from + i * pixel, slice_bytes());
    return to;
  }

  Primitive make_primitive(const ConvolutionShape& shape, std::int64_t slice,
                           const KernelContext& context) {
    const std::int64_t k = op_.kernel;
    const ConvolutionCall call = slice_of(op_, shape, slice, slices_);
    const auto desc = convolution_desc(call.shape, epilogue(call.residual, call.act));
    const memory::desc stored({op_.out, slice_channels_, k, k}, memory::data_type::f32,
                              memory::dims{op_.in * k * k, k * k, k, 1});
    weights_.push_back(pack_weight(context.cache, stored_values(context, 0),
                                   {.slice = stored,
                                    .count = static_cast<std::size_t>(slices_),
                                    .step = static_cast<std::size_t>(slice_channels_ * k * k)},
                                   desc.weights_desc()));
    const std::byte* weights =
        weights_.back()->data() + static_cast<std::size_t>(slice) * desc.weights_desc().get_size();
    return make_convolution(desc, weights, call.shape.bias, bias_ ? bias_->data() : nullptr,
                            context.workers);
  }

  std::int64_t slices_, slice_channels_;
  std::vector<PackedWeight> weights_;
  /// By shape, then by slice.
  std::vector<std::vector<Primitive>> primitives_;
};

bool applies_split_k(const Conv2d& op, const KernelContext& context) {
  return !context.op.input_range && slice_count(op, context.input(0).dtype) > 1;
}

std::unique_ptr<Kernel> make_split_k(const Conv2d& op, const KernelContext& context) {
  return std::make_unique<SplitKConv2d>(op, context);
}

}  // namespace

const ConvForm kSplitK{"split_k", applies_split_k, make_split_k};

}  // namespace streamdiffusion::backend::cpu
