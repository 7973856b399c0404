// The functions of cuDNN that the backend calls.
#pragma once

#include <cudnn.h>

#include <string>

namespace streamdiffusion::backend::cuda {

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

/// Loads libcudnn.so.9, see SharedLibrary. Throws unsupported for a version without the attention
/// that the backend uses (before 9.13.1).
const CudnnLibrary& cudnn_library();

}  // namespace streamdiffusion::backend::cuda
