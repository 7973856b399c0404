#include "backend/ref/ref_device.h"

#include "backend/ref/ref_executable.h"

namespace streamdiffusion::backend::ref {
namespace {

class RefDevice final : public Device {
 public:
  explicit RefDevice(DeviceOptions options) : options_(std::move(options)) {}

  std::string name() const override { return "ref"; }
  std::string description() const override { return "1 thread, scalar reference"; }
  int threads() const override { return 1; }
  tensor::DType preferred_dtype() const override { return tensor::DType::f32; }
  bool supports(tensor::DType dtype) const override {
    return dtype == tensor::DType::f32 || dtype == tensor::DType::bf16;
  }
  bool supports_int8() const override { return true; }
  bool rows_are_independent() const override { return true; }
  bool can_pause() const override { return true; }
  std::size_t weight_bytes() const override { return store_.bytes(); }

  std::unique_ptr<Executable> compile(std::vector<graph::Graph> row_groups, const Weights& weights,
                                      std::span<const std::string> shared_inputs) override {
    return std::make_unique<RefExecutable>(std::move(row_groups), weights, shared_inputs, store_,
                                           options_);
  }

 private:
  WeightStore store_;
  const DeviceOptions options_;
};

}  // namespace

std::unique_ptr<Device> make_device(const DeviceOptions& options) {
  return std::make_unique<RefDevice>(options);
}

}  // namespace streamdiffusion::backend::ref
