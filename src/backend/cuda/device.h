// A device of one NVIDIA card.
#pragma once

#include "backend/cuda/executable.h"
#include "backend/cuda/stream_step.h"

namespace streamdiffusion::backend::cuda {

/// The type of activations that suits a card of this name: f16 on a GeForce, as its models are
/// published and its other programs run, bf16 on the cards of data centers and workstations. Both
/// are multiplied at one rate, as sums are in f32; a GeForce would double that of f16 if its sums
/// were in f16 too.
tensor::DType preferred_type(std::string_view card);

class CudaDevice final : public Device {
 public:
  CudaDevice(std::unique_ptr<Runtime> runtime, std::unique_ptr<Libraries> libraries,
             const DeviceOptions& options = {})
      : runtime_(std::move(runtime)),
        libraries_(std::move(libraries)),
        profile_(options.profile),
        layers_(*runtime_, *libraries_, PlanCache(options.cache_folder), options.tune),
        store_(*runtime_) {}

  std::string name() const override { return "cuda"; }
  std::string description() const override {
    return runtime_->description() + ", " + libraries_->description();
  }
  /// One: the card's own parallelism needs no row groups.
  int threads() const override { return 1; }
  tensor::DType preferred_dtype() const override { return preferred_type(runtime_->description()); }
  bool supports(tensor::DType dtype) const override {
    return dtype == tensor::DType::f32 || dtype == tensor::DType::bf16 ||
           dtype == tensor::DType::f16;
  }
  bool supports_int8() const override { return false; }
  /// A recorded program cannot be left in the middle.
  /// cuDNN and cuBLASLt choose their kernels by the number of rows.
  bool rows_are_independent() const override { return false; }
  bool can_pause() const override { return false; }
  bool in_host_memory() const override { return false; }
  std::vector<Detail> details() const override {
    std::vector<Detail> details = runtime_->details();
    for (Detail& detail : libraries_->details()) details.push_back(std::move(detail));
    return details;
  }
  std::optional<double> energy_joules() const override { return runtime_->energy_joules(); }
  void download(std::byte* to, const DeviceRows& from) override {
    runtime_->download_rows(to, from);
  }
  void upload(const DeviceRows& to, const std::byte* from) override {
    runtime_->upload_rows(to, from);
  }
  std::unique_ptr<StreamStep> make_stream_step(const StreamStepShape& shape) override {
    return std::make_unique<CudaStreamStep>(*runtime_, shape);
  }
  std::size_t weight_bytes() const override { return store_.bytes(); }
  std::unique_ptr<Executable> compile(std::vector<graph::Graph> row_groups, const Weights& weights,
                                      std::span<const std::string> shared_inputs) override {
    auto executable =
        std::make_unique<CudaExecutable>(*runtime_, *libraries_, layers_, store_,
                                         std::move(row_groups), weights, shared_inputs, profile_);
    layers_.report_tuning();
    return executable;
  }

 private:
  const std::unique_ptr<Runtime> runtime_;
  const std::unique_ptr<Libraries> libraries_;
  const bool profile_;
  LayerCalls layers_;
  WeightStore store_;
};

}  // namespace streamdiffusion::backend::cuda
