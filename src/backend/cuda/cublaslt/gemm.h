// Matrix products by cuBLASLt.
#pragma once

#include <cublasLt.h>

#include "backend/cuda/libraries.h"

namespace streamdiffusion::backend::cuda {

/// cuBLASLt on one stream.
class CublasLt {
 public:
  /// Throws not_found if the library is not installed, internal if it does not accept the card.
  explicit CublasLt(Stream stream);
  ~CublasLt();
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  /// Throws unsupported if there is no algorithm.
  std::unique_ptr<Gemm> gemm(const GemmShape& shape);
  /// "13.1.0"
  static std::string version();

 private:
  const Stream stream_;
  cublasLtHandle_t handle_ = nullptr;
};

}  // namespace streamdiffusion::backend::cuda
