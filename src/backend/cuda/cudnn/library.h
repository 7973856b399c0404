// cuDNN, found at run time. A program that was built with this backend also runs where cuDNN is not
// installed.
#pragma once

#include <cudnn.h>

#include <span>
#include <string>

namespace streamdiffusion::backend::cuda {

/// The functions of cuDNN that the backend calls.
struct CudnnLibrary {
  decltype(&cudnnGetVersion) get_version = nullptr;
  decltype(&cudnnGetErrorString) get_error_string = nullptr;
  decltype(&cudnnGetLastErrorString) get_last_error_string = nullptr;
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnDestroy) destroy = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor = nullptr;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
  decltype(&cudnnBackendSetAttribute) set_attribute = nullptr;
  decltype(&cudnnBackendGetAttribute) get_attribute = nullptr;
  decltype(&cudnnBackendFinalize) finalize = nullptr;
  decltype(&cudnnBackendExecute) execute = nullptr;
  /// Where it was found.
  std::string path;

  /// "9.19.0"
  std::string version() const;
};

/// Loads libcudnn.so.9 from the first place that has it: the folders of the environment variable
/// SD_CUDA_LIBRARIES (separated by colons), then where the system's loader looks. It stays loaded.
/// Throws not_found, with what was tried and how to install it, and unsupported for a version
/// without the attention that the backend uses (before 9.13.1).
const CudnnLibrary& cudnn_library();

}  // namespace streamdiffusion::backend::cuda
