// In which order oneDNN takes the sums of an image's lines. Its "brgconv" adds up input channels
// block by block, and chooses the blocks for a whole call: by the number of its lines and their
// padding too. So a line may be rounded otherwise alone than among others. It says nothing of it,
// which is why this finds out.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "backend/cpu/onednn/convolution.h"
#include "backend/cpu/onednn/staging.h"
#include "tensor/buffer.h"

namespace streamdiffusion::backend::cpu {

/// What decides how oneDNN blocks a convolution. Not int8, whose sums are exact.
struct ConvolutionCall {
  ConvolutionShape shape;
  bool residual = false;
  graph::Activation act = graph::Activation::none;

  auto operator<=>(const ConvolutionCall&) const = default;
};

/// Runs calls, of one op at best: what is made for one serves the next. What is found is kept for
/// the process; any thread may have one of these.
class LineOrders {
 public:
  explicit LineOrders(Staging& staging) : staging_(staging) {}

  /// A number for each output line. Where the same taps of a line fall on the padding, two calls of
  /// the same channels, width and kernel have the same number if they round it alike.
  std::vector<std::uint64_t> of(const ConvolutionCall& call);

 private:
  /// f32 or bf16 [out_lines, out_width, out]
  tensor::Buffer run(const ConvolutionCall& call);
  const dnnl::memory& weights(const ConvolutionShape& shape, const dnnl::memory::desc& layout,
                              dnnl::stream& stream);

  Staging& staging_;
  /// The last ones, and of how many input channels: the layout may hold more.
  tensor::Buffer bytes_;
  dnnl::memory weights_;
  std::int64_t in_ = 0;
};

}  // namespace streamdiffusion::backend::cpu
