#include "backend/cuda/shared_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/join.h"

namespace streamdiffusion::backend::cuda {
namespace {

std::vector<std::string> candidates(const std::string& file) {
  std::vector<std::string> paths;
  const char* folders = std::getenv("SD_CUDA_LIBRARIES");
  std::string_view rest = folders == nullptr ? "" : folders;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (end > 0) paths.push_back(base::concat(rest.substr(0, end), "/", file));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  paths.push_back(file);
  return paths;
}

}  // namespace

SharedLibrary::SharedLibrary(const std::string& file, const char* pypi_package) {
  std::vector<std::string> reasons;
  for (const std::string& path : candidates(file)) {
    handle_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      path_ = path;
      return;
    }
    reasons.emplace_back(::dlerror());
  }
  base::fail(base::ErrorCode::not_found, file, " was not found (", base::joined(reasons, {}, "; "),
             "); install NVIDIA's package, or \"pip install ", pypi_package,
             "\" and name its lib folder in SD_CUDA_LIBRARIES");
}

void* SharedLibrary::symbol(const char* name) const {
  void* found = ::dlsym(handle_, name);
  base::require(found != nullptr, base::ErrorCode::unsupported, path_, " has no ", name);
  return found;
}

}  // namespace streamdiffusion::backend::cuda
