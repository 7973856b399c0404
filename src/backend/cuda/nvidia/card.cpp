#include "backend/cuda/nvidia/card.h"

#include <cuda_runtime_api.h>

#include "backend/cuda/cublaslt/cublaslt_library.h"
#include "backend/cuda/cublaslt/gemm.h"
#include "backend/cuda/cudnn/calls.h"
#include "backend/cuda/device.h"
#include "backend/cuda/nvidia/cuda_runtime.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

class NvidiaLibraries final : public Libraries {
 public:
  NvidiaLibraries(const Runtime& runtime, const std::string& cache_folder)
      : cudnn_(runtime.stream(), runtime.description(), PlanCache(cache_folder)),
        cublaslt_(runtime.stream()) {}

  std::vector<std::unique_ptr<LayerCall>> convolutions(const ConvolutionShape& shape,
                                                       std::size_t most) override {
    return cudnn_.convolutions(shape, most);
  }
  std::vector<std::unique_ptr<LayerCall>> gemms(const GemmShape& shape, std::size_t most) override {
    return cublaslt_.gemms(shape, most);
  }
  std::unique_ptr<LayerCall> convolution(const ConvolutionShape&,
                                         const std::string& text) override {
    return cudnn_.convolution(text);
  }
  std::unique_ptr<LayerCall> gemm(const GemmShape& shape, const std::string& text) override {
    return cublaslt_.gemm(shape, text);
  }
  std::unique_ptr<AttentionCall> attention(const AttentionShape& shape) override {
    return cudnn_.attention(shape);
  }
  std::string description() const override {
    return base::concat("cuDNN ", cudnn_library().version(), ", cuBLASLt ", CublasLt::version());
  }
  std::vector<Detail> details() const override {
    return {{"cuDNN", base::concat(cudnn_library().version(), ", ", cudnn_library().path)},
            {"cuBLASLt", base::concat(CublasLt::version(), ", ", cublaslt_library().path)}};
  }

 private:
  Cudnn cudnn_;
  CublasLt cublaslt_;
};

std::optional<std::string> why_no_driver() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    cudaGetLastError();
    return base::concat("no NVIDIA card answers (", cudaGetErrorString(status),
                        "); it needs NVIDIA's driver 580 or newer");
  }
  if (count == 0) return "this machine has no NVIDIA card";
  return std::nullopt;
}

std::optional<std::string> why_not_this_card() {
  constexpr int kOldestMajor = 8;
  cudaDeviceProp properties{};
  if (const cudaError_t status = cudaGetDeviceProperties(&properties, 0); status != cudaSuccess)
    return std::string(cudaGetErrorString(status));
  if (properties.major >= kOldestMajor) return std::nullopt;
  return base::concat(properties.name, " has compute capability ", properties.major, ".",
                      properties.minor, ", needed is 8.0 or newer (Ampere)");
}

}  // namespace

std::optional<std::string> why_no_card() {
  if (auto reason = why_no_driver()) return reason;
  if (auto reason = why_not_this_card()) return reason;
  try {
    cudnn_library();
    cublaslt_library();
  } catch (const base::Error& error) {
    return std::string(error.what());
  }
  return std::nullopt;
}

std::unique_ptr<Device> make_device(const DeviceOptions& options) {
  const std::optional<std::string> reason = why_no_card();
  base::require(!reason, base::ErrorCode::not_found, "device \"cuda\": ", reason.value_or(""));
  std::unique_ptr<Runtime> runtime = make_runtime();
  auto libraries = std::make_unique<NvidiaLibraries>(*runtime, options.cache_folder);
  return std::make_unique<CudaDevice>(std::move(runtime), std::move(libraries), options);
}

}  // namespace streamdiffusion::backend::cuda
