#include "backend/cuda/host_device.h"

#include <vector>

#include "backend/cuda/kernels/launch.h"
#include "backend/ref/ref_executable.h"
#include "backend/ref/storage.h"

namespace streamdiffusion::backend::test {
namespace {

using host::HostState;
using host::OpIndex;
using tensor::View;

/// Memory for one op's operands, with a type.
class Scratch {
 public:
  explicit Scratch(const tensor::Desc& desc) : bytes_(desc.bytes()), view_{bytes_.data(), desc} {}
  const View& view() const { return view_; }

 private:
  tensor::Buffer bytes_;
  View view_;
};

/// One op with its operands.
struct OpCall {
  std::vector<View> inputs;
  View output;
  ref::Call reference;
};

Scratch stored(const float* values, const tensor::Desc& desc) {
  Scratch scratch(desc);
  ref::store(values, scratch.view());
  return scratch;
}

// A convolution and a linear layer without what the libraries leave to a kernel of ours.
graph::Conv2d bare(graph::Conv2d op) {
  op.bias = op.row_bias = op.residual = false;
  op.act = graph::Activation::none;
  return op;
}
graph::Linear bare(graph::Linear op) {
  op.bias = op.extra_bias = op.residual = false;
  op.act = graph::Activation::none;
  return op;
}

template <typename Kind>
void run_with_terms(const Kind& op, const OpCall& call, const float* row_bias) {
  ref::run(bare(op), call.reference);
  const Scratch bare_output = stored(call.reference.output.data, call.output.desc);
  const tensor::Desc bias_desc{{1, 1, 1, op.out}, call.output.desc.dtype};
  const Scratch bias = op.bias ? stored(call.reference.weights[1], bias_desc) : Scratch(bias_desc);
  cuda::BiasTerms terms{.row_bias = row_bias, .act = op.act};
  if (op.bias) terms.bias = bias.view().data;
  if (op.residual) terms.residual = call.inputs.back().data;
  cuda::launch_add_bias(terms, bare_output.view(), call.output, nullptr);
}

void run(const graph::Conv2d& op, const OpCall& call) {
  run_with_terms(op, call, op.row_bias ? call.inputs[1].as<float>() : nullptr);
}
/// The GEMM library adds the extra bias and casts nothing in between.
void run(const graph::Linear& op, const OpCall& call) {
  if (op.extra_bias) {
    ref::run(op, call.reference);
    return ref::store(call.reference.output.data, call.output);
  }
  run_with_terms(op, call, nullptr);
}
void run(const graph::GegluLinear& op, const OpCall& call) {
  tensor::Desc desc = call.output.desc;
  desc.shape.c *= 2;
  std::vector<float> values(static_cast<std::size_t>(desc.shape.elements()));
  ref::Call matmul = call.reference;
  matmul.output = {desc.shape, values.data()};
  ref::run(graph::Linear{.in = op.in, .out = 2 * op.out}, matmul);
  const Scratch both = stored(values.data(), desc);
  cuda::launch_geglu_gate(both.view(), call.output, nullptr);
}
void run(const graph::GroupNorm& op, const OpCall& call) {
  tensor::Buffer workspace(cuda::group_norm_workspace(op, call.output.desc.shape));
  cuda::launch_group_norm(op,
                          {.first = call.inputs[0],
                           .second = call.inputs.size() > 1 ? call.inputs[1] : View(),
                           .weight = call.reference.weights[0],
                           .bias = call.reference.weights[1]},
                          call.output, workspace.data(), nullptr);
}
void run(const graph::LayerNorm& op, const OpCall& call) {
  cuda::launch_layer_norm(op, call.inputs[0], call.reference.weights[0], call.reference.weights[1],
                          call.output, nullptr);
}
void run(const graph::Attention& op, const OpCall& call) {
  cuda::launch_attention(op, call.inputs[0], call.inputs[1], call.inputs[2], op.kv_rows.data(),
                         call.output, nullptr);
}
void run(const graph::Add&, const OpCall& call) {
  cuda::launch_add(call.inputs[0], call.inputs[1], call.output, nullptr);
}
void run(const graph::Act& op, const OpCall& call) {
  cuda::launch_act(op.act, call.inputs[0], call.output, nullptr);
}
void run(const graph::Convert& op, const OpCall& call) {
  cuda::launch_convert(op, call.inputs[0], call.output, nullptr);
}
void run(const graph::UpsampleNearest&, const OpCall& call) {
  cuda::launch_upsample_nearest(call.inputs[0], call.output, nullptr);
}
void run(const graph::ConcatChannels&, const OpCall& call) {
  cuda::launch_concat_channels(call.inputs[0], call.inputs[1], call.output, nullptr);
}
void run(const graph::SliceChannels& op, const OpCall& call) {
  cuda::launch_slice_channels(op, call.inputs[0], call.output, nullptr);
}
void run(const graph::Embedding& op, const OpCall& call) {
  cuda::launch_embedding(op, call.inputs[0], call.reference.weights[0], call.reference.weights[1],
                         call.output, nullptr);
}
void run(const graph::TimestepEmbedding& op, const OpCall& call) {
  cuda::launch_timestep_embedding(op, call.inputs[0], call.output, nullptr);
}

class CudaOnHost final : public ref::RefExecutable {
 public:
  using RefExecutable::RefExecutable;

 private:
  void run_op(const OpIndex& at, const CompiledOp& compiled,
              const HostState& state) const override {
    const graph::Op& op = this->op(at);
    OpCall call{.inputs = {},
                .output = view(at, op.output, state),
                .reference = make_call(at, compiled, state)};
    for (const graph::Value input : op.inputs) call.inputs.push_back(view(at, input, state));
    std::visit([&](const auto& kind) { test::run(kind, call); }, op.attributes);
  }
};

class CudaOnHostDevice final : public Device {
 public:
  std::string name() const override { return "cuda on host"; }
  std::string description() const override { return "CUDA kernels on one thread"; }
  int threads() const override { return 1; }
  tensor::DType preferred_dtype() const override { return tensor::DType::bf16; }
  bool supports(tensor::DType dtype) const override {
    return dtype == tensor::DType::f32 || dtype == tensor::DType::bf16 ||
           dtype == tensor::DType::f16;
  }
  bool supports_int8() const override { return false; }
  std::size_t weight_bytes() const override { return store_.bytes(); }
  std::unique_ptr<Executable> compile(std::vector<graph::Graph> row_groups, const Weights& weights,
                                      std::span<const std::string> shared_inputs) override {
    return std::make_unique<CudaOnHost>(std::move(row_groups), weights, shared_inputs, store_,
                                        DeviceOptions());
  }

 private:
  ref::WeightStore store_;
};

}  // namespace

std::unique_ptr<Device> make_cuda_on_host() {
  return std::make_unique<CudaOnHostDevice>();
}

}  // namespace streamdiffusion::backend::test
