// Ops that are one launch of a kernel of ours.
#include "backend/cuda/kernels/launch.h"
#include "backend/cuda/ops/compiled_op.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

/// An op without library calls and workspace. Launch(operands, stream) keeps what it needs.
template <typename Launch>
class KernelOp final : public CompiledOp {
 public:
  KernelOp(std::string name, Runtime& runtime, Launch launch)
      : name_(std::move(name)), runtime_(runtime), launch_(std::move(launch)) {}

  void launch(const Operands& operands) override { launch_(operands, runtime_.stream()); }
  std::string implementation() const override { return name_; }

 private:
  const std::string name_;
  Runtime& runtime_;
  const Launch launch_;
};

template <typename Launch>
std::unique_ptr<CompiledOp> kernel(const char* name, const CompileContext& context, Launch launch) {
  return std::make_unique<KernelOp<Launch>>(name, context.runtime, std::move(launch));
}

const float* f32(const DeviceWeight& weight) {
  return reinterpret_cast<const float*>(weight->data());
}

}  // namespace

std::unique_ptr<CompiledOp> compile(const graph::Add&, const CompileContext& context) {
  return kernel("add", context, [](const Operands& o, Stream stream) {
    launch_add(o.inputs[0], o.inputs[1], o.output, stream);
  });
}

std::unique_ptr<CompiledOp> compile(const graph::AddScaled& op, const CompileContext& context) {
  return kernel("add_scaled", context, [op](const Operands& o, Stream stream) {
    launch_add_scaled(op, o.inputs[0], o.inputs[1], o.inputs[2], o.output, stream);
  });
}

std::unique_ptr<CompiledOp> compile(const graph::Act& op, const CompileContext& context) {
  return kernel("act", context, [act = op.act](const Operands& o, Stream stream) {
    launch_act(act, o.inputs[0], o.output, stream);
  });
}

std::unique_ptr<CompiledOp> compile(const graph::Convert& op, const CompileContext& context) {
  return kernel("convert", context, [op](const Operands& o, Stream stream) {
    launch_convert(op, o.inputs[0], o.output, stream);
  });
}

std::unique_ptr<CompiledOp> compile(const graph::UpsampleNearest&, const CompileContext& context) {
  return kernel("upsample_nearest", context, [](const Operands& o, Stream stream) {
    launch_upsample_nearest(o.inputs[0], o.output, stream);
  });
}

std::unique_ptr<CompiledOp> compile(const graph::ConcatChannels&, const CompileContext& context) {
  return kernel("copy_channels", context, [](const Operands& o, Stream stream) {
    launch_concat_channels(o.inputs[0], o.inputs[1], o.output, stream);
  });
}

std::unique_ptr<CompiledOp> compile(const graph::ConcatTokens&, const CompileContext& context) {
  return kernel("copy_channels", context, [](const Operands& o, Stream stream) {
    // A row's tokens lie one behind the other, so they are copied as the channels of one.
    const auto whole = [](tensor::View view) {
      view.desc.shape = {view.desc.shape.n, 1, 1, view.desc.shape.row_elements()};
      return view;
    };
    launch_concat_channels(whole(o.inputs[0]), whole(o.inputs[1]), whole(o.output), stream);
  });
}

std::unique_ptr<CompiledOp> compile(const graph::SliceChannels& op, const CompileContext& context) {
  return kernel("copy_channels", context, [op](const Operands& o, Stream stream) {
    launch_slice_channels(op, o.inputs[0], o.output, stream);
  });
}

std::unique_ptr<CompiledOp> compile(const graph::Embedding& op, const CompileContext& context) {
  base::require(context.input(0).dtype == tensor::DType::i32, base::ErrorCode::invalid_argument,
                "embedding \"", context.op.name, "\" reads ids of type ",
                tensor::to_string(context.input(0).dtype), ", expected i32");
  return kernel("embedding", context,
                [op, tokens = context.upload(0, {}), positions = context.upload(1, {})](
                    const Operands& o, Stream stream) {
                  launch_embedding(op, o.inputs[0], f32(tokens), f32(positions), o.output, stream);
                });
}

std::unique_ptr<CompiledOp> compile(const graph::TimestepEmbedding& op,
                                    const CompileContext& context) {
  return kernel("timestep_embedding", context, [op](const Operands& o, Stream stream) {
    launch_timestep_embedding(op, o.inputs[0], o.output, stream);
  });
}

std::unique_ptr<CompiledOp> compile(const graph::LayerNorm& op, const CompileContext& context) {
  return kernel("layer_norm", context,
                [op, weight = context.upload(0, {}), bias = context.upload(1, {})](
                    const Operands& o, Stream stream) {
                  launch_layer_norm(op, o.inputs[0], f32(weight), f32(bias), o.output, stream);
                });
}

}  // namespace streamdiffusion::backend::cuda
