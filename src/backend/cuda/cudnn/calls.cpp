#include "backend/cuda/cudnn/calls.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "backend/cuda/cudnn/attention.h"
#include "backend/cuda/cudnn/convolution.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

/// An operand of a plan: cuDNN's id, and where it lies.
struct Bound {
  std::int64_t id = 0;
  const void* data = nullptr;
};

/// Runs a plan on the operands that are not null.
void execute(cudnnHandle_t handle, const Plan& plan, std::initializer_list<Bound> operands,
             void* workspace) {
  std::vector<std::int64_t> ids;
  std::vector<void*> pointers;
  for (const Bound& operand : operands) {
    if (operand.data == nullptr) continue;
    ids.push_back(operand.id);
    pointers.push_back(const_cast<void*>(operand.data));
  }
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span<const std::int64_t>(ids));
  pack.set_pointers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, pointers);
  pack.set_pointers(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, std::array{workspace});
  pack.finalize();
  check_cudnn(cudnn_library().execute(handle, plan.descriptor.get(), pack.get()), "run a plan");
}

std::string name_of(const Plan& plan) {
  return base::concat("cudnn engine ", plan.engine);
}

class CudnnConvolution final : public LayerCall {
 public:
  CudnnConvolution(cudnnHandle_t handle, Plan plan) : handle_(handle), plan_(std::move(plan)) {}

  std::size_t workspace_bytes() const override {
    return static_cast<std::size_t>(plan_.workspace_bytes);
  }
  std::string implementation() const override { return name_of(plan_); }
  std::string text() const override { return to_text(plan_); }
  void run(const Operands& operands) override {
    using Id = ConvolutionOperand;
    const auto id = [](Id operand) { return static_cast<std::int64_t>(operand); };
    execute(handle_, plan_,
            {{id(Id::x), operands.x},
             {id(Id::weight), operands.weight},
             {id(Id::residual), operands.residual},
             {id(Id::bias), operands.bias},
             {id(Id::y), operands.y}},
            operands.workspace);
  }

 private:
  const cudnnHandle_t handle_;
  const Plan plan_;
};

class CudnnAttention final : public AttentionCall {
 public:
  CudnnAttention(cudnnHandle_t handle, Plan plan, std::int64_t size)
      : handle_(handle),
        plan_(std::move(plan)),
        scale_(1.0F / std::sqrt(static_cast<float>(size))) {}

  std::size_t workspace_bytes() const override {
    return static_cast<std::size_t>(plan_.workspace_bytes);
  }
  std::string implementation() const override { return name_of(plan_); }
  void run(const Operands& operands) override {
    using Id = AttentionOperand;
    const auto id = [](Id operand) { return static_cast<std::int64_t>(operand); };
    execute(handle_, plan_,
            {{id(Id::q), operands.q},
             {id(Id::k), operands.k},
             {id(Id::v), operands.v},
             {id(Id::y), operands.y},
             {id(Id::scale), &scale_}},
            operands.workspace);
  }

 private:
  const cudnnHandle_t handle_;
  const Plan plan_;
  const float scale_;
};

}  // namespace

Cudnn::Cudnn(Stream stream, std::string card, PlanCache cache)
    : card_(std::move(card)), cache_(std::move(cache)) {
  check_cudnn(cudnn_library().create(&handle_), "create a handle");
  check_cudnn(cudnn_library().set_stream(handle_, stream), "set the stream");
}

Cudnn::~Cudnn() {
  if (handle_ != nullptr) cudnn_library().destroy(handle_);
}

std::string Cudnn::card_properties() const {
  Descriptor properties(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  properties.set(CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, handle_);
  properties.finalize();
  const auto text =
      properties.get_all<char>(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR);
  return {text.begin(), std::find(text.begin(), text.end(), '\0')};
}

std::vector<std::unique_ptr<LayerCall>> Cudnn::convolutions(const ConvolutionShape& shape,
                                                            std::size_t most) {
  std::vector<std::unique_ptr<LayerCall>> calls;
  for (Plan& plan : plan_convolutions(Card(handle_), shape.op, shape.x, shape.y, shape.dtype, most))
    calls.push_back(std::make_unique<CudnnConvolution>(handle_, std::move(plan)));
  return calls;
}

std::unique_ptr<LayerCall> Cudnn::convolution(const std::string& text) {
  std::optional<Plan> plan = plan_from_text(Card(handle_), text);
  if (!plan) return nullptr;
  return std::make_unique<CudnnConvolution>(handle_, std::move(*plan));
}

std::vector<std::unique_ptr<AttentionCall>> Cudnn::attentions(const AttentionShape& shape,
                                                              std::size_t most) {
  std::vector<std::unique_ptr<AttentionCall>> calls;
  if (!cudnn_takes(shape)) return calls;
  for (Plan& plan : plan_attentions(Card(handle_), shape, most))
    calls.push_back(std::make_unique<CudnnAttention>(handle_, std::move(plan), shape.size));
  return calls;
}

std::unique_ptr<AttentionCall> Cudnn::attention(const AttentionShape& shape) {
  if (!cudnn_takes(shape)) return nullptr;
  return std::make_unique<CudnnAttention>(handle_, attention_plan(shape), shape.size);
}

Plan Cudnn::attention_plan(const AttentionShape& shape) {
  const Card card(handle_);
  const std::string key =
      base::concat("cuDNN ", cudnn_library().version(), ", ", card_, ", attention ", shape.batch,
                   ' ', shape.queries, ' ', shape.keys, ' ', shape.heads, ' ', shape.size, ' ',
                   tensor::to_string(shape.dtype));
  if (const std::optional<std::string> kept = cache_.find(key)) {
    if (std::optional<Plan> plan = plan_from_text(card, *kept)) return std::move(*plan);
    cache_.drop(key, "cuDNN refuses it");
  }
  Plan plan = plan_attention(card, shape);
  cache_.keep(key, to_text(plan));
  return plan;
}

}  // namespace streamdiffusion::backend::cuda
