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
  /// The first `most` that the heuristics propose, to be timed.
  std::vector<std::unique_ptr<Gemm>> gemms(const GemmShape& shape, std::size_t most);
  /// "13.1.0"
  static std::string version();

 private:
  const Stream stream_;
  cublasLtHandle_t handle_ = nullptr;
};

}  // namespace streamdiffusion::backend::cuda
