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

  /// The first `most` that the heuristics propose. Throws unsupported if there is no algorithm.
  std::vector<std::unique_ptr<LayerCall>> gemms(const GemmShape& shape, std::size_t most);
  /// The call of a text, or null if cuBLASLt refuses it.
  std::unique_ptr<LayerCall> gemm(const GemmShape& shape, const std::string& text);
  /// "13.1.0"
  static std::string version();

 private:
  const Stream stream_;
  cublasLtHandle_t handle_ = nullptr;
};

}  // namespace streamdiffusion::backend::cuda
