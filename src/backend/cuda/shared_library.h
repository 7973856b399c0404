// A library of NVIDIA's, found at run time. A program that was built with this backend also runs
// where the library is not installed.
#pragma once

#include <string>

#include "base/error.h"

namespace streamdiffusion::backend::cuda {

class SharedLibrary {
 public:
  /// Loads `file` from the first of these that has it: the folders of the environment variable
  /// SD_CUDA_LIBRARIES (separated by colons), where the system's loader looks, NVIDIA's packages in
  /// the Python environment VIRTUAL_ENV, /usr/local/cuda/lib64. It stays loaded. Throws not_found,
  /// naming what was tried and the PyPI package that has it (null: it is
  /// the driver's).
  SharedLibrary(const std::string& file, const char* pypi_package);

  /// Sets `function` to the library's function of that name. Throws unsupported if it has none.
  template <typename Function>
  void find(const char* name, Function& function) const {
    function = reinterpret_cast<Function>(symbol(name));
  }
  const std::string& path() const { return path_; }

 private:
  void* symbol(const char* name) const;

  std::string path_;
  void* handle_ = nullptr;
};

}  // namespace streamdiffusion::backend::cuda
