#include "backend/cuda/cudnn/cudnn_library.h"

#include "backend/cuda/shared_library.h"

namespace streamdiffusion::backend::cuda {
namespace {

CudnnLibrary load_cudnn() {
  constexpr std::size_t kOldest = 91301;
  const SharedLibrary library("libcudnn.so.9", "nvidia-cudnn-cu13");
  CudnnLibrary cudnn;
  cudnn.path = library.path();
  library.find("cudnnGetVersion", cudnn.get_version);
  library.find("cudnnGetErrorString", cudnn.get_error_string);
  library.find("cudnnGetLastErrorString", cudnn.get_last_error_string);
  library.find("cudnnCreate", cudnn.create);
  library.find("cudnnDestroy", cudnn.destroy);
  library.find("cudnnSetStream", cudnn.set_stream);
  library.find("cudnnBackendCreateDescriptor", cudnn.create_descriptor);
  library.find("cudnnBackendDestroyDescriptor", cudnn.destroy_descriptor);
  library.find("cudnnBackendSetAttribute", cudnn.set_attribute);
  library.find("cudnnBackendGetAttribute", cudnn.get_attribute);
  library.find("cudnnBackendFinalize", cudnn.finalize);
  library.find("cudnnBackendExecute", cudnn.execute);
  base::require(cudnn.get_version() >= kOldest, base::ErrorCode::unsupported, library.path(),
                " is version ", cudnn.version(), ", expected 9.13.1 or newer");
  return cudnn;
}

}  // namespace

std::string CudnnLibrary::version() const {
  const std::size_t number = get_version();
  return base::concat(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

const CudnnLibrary& cudnn_library() {
  static const CudnnLibrary library = load_cudnn();
  return library;
}

}  // namespace streamdiffusion::backend::cuda
