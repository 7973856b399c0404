// Linear layers, 1x1 convolutions among them: each worker runs one GEMM on its share of the tokens,
// or one for each row of them (tokens_of()).
#include <algorithm>
#include <cstring>
#include <map>

#include "backend/cpu/onednn/int8_input.h"
#include "backend/cpu/onednn/matmul.h"
#include "backend/cpu/share.h"

namespace streamdiffusion::backend::cpu {
namespace {

class LinearKernel final : public Kernel {
 public:
  LinearKernel(const graph::Linear& op, const KernelContext& context)
      : x_(context.op.inputs[0]),
        y_(context.op.output),
        x_token_bytes_(static_cast<std::size_t>(op.in) * size_of(context.input(0).dtype)),
        y_token_bytes_(static_cast<std::size_t>(op.out) * size_of(context.output().dtype)),
        in_(op.in),
        int8_(Int8Input::of(context, stored_values(context, 0))) {
    if (op.residual && !context.plan.in_place(context.op, op.residual_input())) {
      copied_residual_ = context.op.inputs[static_cast<std::size_t>(op.residual_input())];
    }
    bias_ = sum_of_biases(context, 1);
    if (int8_) bias_ = int8_->scaled_bias(bias_);
    const tensor::Shape& shape = context.output().shape;
    const Tokens tokens =
        tokens_of(shape.n, shape.tokens(), desc_of(op, context, shape.tokens()), context);
    for (int w = 0; w < context.workers; ++w) {
      parts_.push_back(tokens.parts(w, context.workers, tokens.a_row));
      for (const Share& part : parts_.back()) add_variant(op, context, part.size());
    }
  }

  void run(int, const Worker& worker) const override {
    for (const Share& part : parts_[static_cast<std::size_t>(worker.index)]) run_part(worker, part);
  }

  std::string implementation() const override { return variants_.begin()->second.implementation(); }

  std::size_t scratch_bytes() const override {
    return library_scratch_ + (int8_ ? static_cast<std::size_t>(max_tokens_ * in_) : 0);
  }

 private:
  dnnl::matmul::primitive_desc desc_of(const graph::Linear& op, const KernelContext& context,
                                       std::int64_t m) const {
    const dnnl::primitive_attr post_ops = epilogue(op.residual, op.act);
    return matmul_desc({m, op.in, op.out, context.input(0).dtype, context.output().dtype,
                        bias_ != nullptr, int8_.has_value()},
                       int8_ ? int8_->attributes(post_ops) : post_ops);
  }

  void add_variant(const graph::Linear& op, const KernelContext& context, std::int64_t m) {
    if (variants_.contains(m)) return;
    const auto desc = desc_of(op, context, m);
    weights_.push_back(pack_matrix(context, op.in, op.out, desc.weights_desc()));
    variants_.emplace(m, make_matmul(desc, weights_.back()->data(), bias_ ? bias_->data() : nullptr,
                                     context.workers));
    library_scratch_ = std::max(library_scratch_, aligned(variants_.at(m).scratch_bytes()));
    max_tokens_ = std::max(max_tokens_, m);
  }

  void run_part(const Worker& worker, const Share& part) const {
    const auto at = static_cast<std::size_t>(part.begin);
    auto* y = worker.value<std::byte>(y_) + at * y_token_bytes_;
    if (copied_residual_) {
      std::memcpy(y, worker.value<std::byte>(copied_residual_) + at * y_token_bytes_,
                  static_cast<std::size_t>(part.size()) * y_token_bytes_);
    }
    const std::byte* x = worker.value<std::byte>(x_) + at * x_token_bytes_;
    if (int8_) {
      auto* quantized = reinterpret_cast<std::uint8_t*>(worker.scratch + library_scratch_);
      int8_->quantize(x, static_cast<std::size_t>(part.size() * in_), quantized);
      x = reinterpret_cast<const std::byte*>(quantized);
    }
    variants_.at(part.size()).run(worker, {x, y});
  }

  graph::Value x_, y_, copied_residual_;
  std::size_t x_token_bytes_, y_token_bytes_;
  std::int64_t in_, max_tokens_ = 0;
  std::optional<Int8Input> int8_;
  std::size_t library_scratch_ = 0;
  PackedWeight bias_;
  std::vector<PackedWeight> weights_;
  /// By worker.
  std::vector<std::vector<Share>> parts_;
  /// By number of tokens.
  std::map<std::int64_t, Primitive> variants_;
};

}  // namespace

std::unique_ptr<Kernel> make_kernel(const graph::Linear& op, const KernelContext& context) {
  return std::make_unique<LinearKernel>(op, context);
}

}  // namespace streamdiffusion::backend::cpu
