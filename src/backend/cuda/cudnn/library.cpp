#include "backend/cuda/cudnn/library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "base/join.h"

namespace streamdiffusion::backend::cuda {
namespace {

constexpr const char* kFile = "libcudnn.so.9";
constexpr std::size_t kOldest = 91301;

std::vector<std::string> candidates() {
  std::vector<std::string> paths;
  if (const char* folders = std::getenv("SD_CUDA_LIBRARIES")) {
    std::istringstream list(folders);
    for (std::string folder; std::getline(list, folder, ':');)
      if (!folder.empty()) paths.push_back(folder + "/" + kFile);
  }
  paths.push_back(kFile);
  return paths;
}

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  base::require(function != nullptr, base::ErrorCode::unsupported, kFile, " has no ", name);
}

CudnnLibrary load(void* library, const std::string& path) {
  CudnnLibrary cudnn;
  cudnn.path = path;
  find(library, "cudnnGetVersion", cudnn.get_version);
  find(library, "cudnnGetErrorString", cudnn.get_error_string);
  find(library, "cudnnGetLastErrorString", cudnn.get_last_error_string);
  find(library, "cudnnCreate", cudnn.create);
  find(library, "cudnnDestroy", cudnn.destroy);
  find(library, "cudnnSetStream", cudnn.set_stream);
  find(library, "cudnnBackendCreateDescriptor", cudnn.create_descriptor);
  find(library, "cudnnBackendDestroyDescriptor", cudnn.destroy_descriptor);
  find(library, "cudnnBackendSetAttribute", cudnn.set_attribute);
  find(library, "cudnnBackendGetAttribute", cudnn.get_attribute);
  find(library, "cudnnBackendFinalize", cudnn.finalize);
  find(library, "cudnnBackendExecute", cudnn.execute);
  base::require(cudnn.get_version() >= kOldest, base::ErrorCode::unsupported, path, " is version ",
                cudnn.version(), ", expected 9.13.1 or newer");
  return cudnn;
}

CudnnLibrary find_library() {
  std::vector<std::string> reasons;
  for (const std::string& path : candidates()) {
    if (void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return load(library, path);
    reasons.emplace_back(::dlerror());
  }
  base::fail(base::ErrorCode::not_found, "cuDNN 9 was not found (", base::joined(reasons, {}, "; "),
             "); install NVIDIA's package, or \"pip install nvidia-cudnn-cu13\" and name its lib "
             "folder in SD_CUDA_LIBRARIES");
}

}  // namespace

std::string CudnnLibrary::version() const {
  const std::size_t number = get_version();
  return base::concat(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

const CudnnLibrary& cudnn_library() {
  static const CudnnLibrary library = find_library();
  return library;
}

}  // namespace streamdiffusion::backend::cuda
