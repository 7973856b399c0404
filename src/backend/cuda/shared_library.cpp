#include "backend/cuda/shared_library.h"

#include <dlfcn.h>
#include <link.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/join.h"

namespace streamdiffusion::backend::cuda {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> named_folders() {
  std::vector<fs::path> folders;
  const char* value = std::getenv("SD_CUDA_LIBRARIES");
  std::string_view rest = value == nullptr ? "" : value;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (end > 0) folders.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return folders;
}

/// Where pip puts NVIDIA's packages, in the virtual environment that is active.
std::vector<fs::path> folders_of_pip() {
  std::vector<fs::path> folders;
  const char* environment = std::getenv("VIRTUAL_ENV");
  if (environment == nullptr) return folders;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(fs::path(environment) / "lib", ignored)) {
    if (!entry.path().filename().string().starts_with("python")) continue;
    for (const char* package : {"cudnn", "cu13"})
      folders.push_back(entry.path() / "site-packages" / "nvidia" / package / "lib");
  }
  return folders;
}

std::vector<std::string> candidates(const std::string& file) {
  std::vector<std::string> paths;
  for (const fs::path& folder : named_folders()) paths.push_back(folder / file);
  paths.push_back(file);
  std::vector<fs::path> others = folders_of_pip();
  others.emplace_back("/usr/local/cuda/lib64");
  std::error_code ignored;
  for (const fs::path& folder : others) {
    if (fs::exists(folder / file, ignored)) paths.push_back(folder / file);
  }
  return paths;
}

/// The file that the loader found.
std::string found_at(void* handle, const std::string& asked_for) {
  struct link_map* map = nullptr;
  if (::dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || map == nullptr) return asked_for;
  return map->l_name;
}

}  // namespace

SharedLibrary::SharedLibrary(const std::string& file, const char* pypi_package) {
  std::vector<std::string> reasons;
  for (const std::string& path : candidates(file)) {
    handle_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      path_ = found_at(handle_, path);
      return;
    }
    reasons.emplace_back(::dlerror());
  }
  const std::string advice =
      pypi_package == nullptr
          ? "it comes with NVIDIA's driver"
          : base::concat("install NVIDIA's package, or \"pip install ", pypi_package,
                         "\" in the active virtual environment (docs/gpu.md)");
  base::fail(base::ErrorCode::not_found, file, " was not found (", base::joined(reasons, {}, "; "),
             "); ", advice);
}

void* SharedLibrary::symbol(const char* name) const {
  void* found = ::dlsym(handle_, name);
  base::require(found != nullptr, base::ErrorCode::unsupported, path_, " has no ", name);
  return found;
}

}  // namespace streamdiffusion::backend::cuda
