#include "backend/cpu/onednn/primitive.h"

#include "base/error.h"

namespace streamdiffusion::backend::cpu {

const dnnl::engine& dnnl_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::memory::data_type dnnl_type(tensor::DType dtype) {
  switch (dtype) {
    case tensor::DType::f32:
      return dnnl::memory::data_type::f32;
    case tensor::DType::bf16:
      return dnnl::memory::data_type::bf16;
    default:
      base::fail(base::ErrorCode::internal, "oneDNN has no matmul of ", tensor::to_string(dtype));
  }
}

bool has_isa(dnnl::cpu_isa isa) {
  const auto bits = static_cast<unsigned>(isa);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & bits) == bits;
}

dnnl::primitive_attr epilogue(bool residual, graph::Activation act) {
  dnnl::post_ops ops;
  if (residual) ops.append_sum(1.0F);
  switch (act) {
    case graph::Activation::none:
      break;
    case graph::Activation::relu:
      ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
      break;
    case graph::Activation::silu:
      ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_swish, 1.0F, 0.0F);
      break;
    case graph::Activation::gelu:
      ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_gelu_erf, 0.0F, 0.0F);
      break;
    case graph::Activation::quick_gelu:
      ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_swish, 1.702F, 0.0F);
      break;
    case graph::Activation::tanh3:
      break;  // the graph refuses it
  }
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

Primitive::Primitive(dnnl::primitive primitive, const dnnl::memory::desc& scratchpad,
                     const std::vector<Argument>& arguments, int workers)
    : primitive_(std::move(primitive)), scratch_bytes_(scratchpad.get_size()) {
  std::vector<Argument> ordered;
  for (const Argument& argument : arguments) {
    if (argument.fixed == nullptr) ordered.push_back(argument);
  }
  per_run_ = ordered.size();
  ordered.push_back({DNNL_ARG_SCRATCHPAD, scratchpad});
  for (const Argument& argument : arguments) {
    if (argument.fixed != nullptr) ordered.push_back(argument);
  }
  bindings_.resize(static_cast<std::size_t>(workers));
  for (Binding& binding : bindings_) {
    for (const Argument& argument : ordered) {
      binding.memories.emplace_back(argument.desc, dnnl_engine(),
                                    const_cast<void*>(argument.fixed));
      binding.arguments.push_back({argument.index, binding.memories.back().get()});
    }
  }
}

void Primitive::run(const Worker& worker, std::initializer_list<const void*> addresses) const {
  const Binding& binding = bindings_[static_cast<std::size_t>(worker.index)];
  std::size_t i = 0;
  for (const void* address : addresses) {
    dnnl_memory_set_data_handle(binding.arguments[i++].memory, const_cast<void*>(address));
  }
  dnnl_memory_set_data_handle(binding.arguments[i].memory, worker.scratch);
  const dnnl_status_t status =
      addresses.size() == per_run_
          ? dnnl_primitive_execute(primitive_.get(), worker.stream,
                                   static_cast<int>(binding.arguments.size()),
                                   binding.arguments.data())
          : dnnl_invalid_arguments;
  if (status != dnnl_success) worker.failure->store(status, std::memory_order_relaxed);
}

std::string Primitive::implementation() const {
  const char* name = nullptr;
  dnnl_primitive_desc_query(primitive_.get_primitive_desc(), dnnl_query_impl_info_str, 0, &name);
  return name == nullptr ? "?" : name;
}

}  // namespace streamdiffusion::backend::cpu
