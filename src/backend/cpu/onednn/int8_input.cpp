#include "backend/cpu/onednn/int8_input.h"

#include "backend/cpu/simd/simd.h"

namespace streamdiffusion::backend::cpu {
namespace {

/// The mask with which oneDNN takes one scale for each output channel.
constexpr int kPerOutputChannel = 1 << 1;

}  // namespace

std::optional<Int8Input> Int8Input::of(const KernelContext& context, const WeightValues& weight) {
  if (!context.op.input_range) return std::nullopt;
  return Int8Input(context, weight);
}

Int8Input::Int8Input(const KernelContext& context, const WeightValues& weight)
    : dtype_(context.input(0).dtype),
      input_(graph::choose_quant_params(*context.op.input_range)),
      weight_scales_(row_scales(context.cache, weight)) {
  const auto* scales = reinterpret_cast<const float*>(weight_scales_->data());
  for (std::int64_t o = 0; o < weight.rows; ++o) scales_.push_back(input_.scale * scales[o]);
}

dnnl::primitive_attr Int8Input::attributes(dnnl::primitive_attr post_ops) const {
  post_ops.set_output_scales(kPerOutputChannel, scales_);
  if (input_.zero_point != 0) post_ops.set_zero_points(DNNL_ARG_SRC, 0, {input_.zero_point});
  return post_ops;
}

PackedWeight Int8Input::scaled_bias(const PackedWeight& bias) const {
  if (!bias) return nullptr;
  auto scaled = std::make_shared<tensor::Buffer>(scales_.size() * sizeof(float));
  scale_bias(reinterpret_cast<const float*>(bias->data()),
             reinterpret_cast<float*>(scaled->data()));
  return scaled;
}

void Int8Input::scale_bias(const float* bias, float* scaled) const {
  for (std::size_t o = 0; o < scales_.size(); ++o) scaled[o] = bias[o] / scales_[o];
}

void Int8Input::quantize(const void* x, std::size_t n, std::uint8_t* to) const {
  simd::convert(dtype_, x, tensor::DType::u8, to, n, 1 / input_.scale,
                static_cast<float>(input_.zero_point));
}

}  // namespace streamdiffusion::backend::cpu
