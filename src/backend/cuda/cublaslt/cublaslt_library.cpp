#include "backend/cuda/cublaslt/cublaslt_library.h"

#include "backend/cuda/shared_library.h"

namespace streamdiffusion::backend::cuda {
namespace {

CublasLtLibrary load_cublaslt() {
  const SharedLibrary library("libcublasLt.so.13", "nvidia-cublas");
  CublasLtLibrary lt;
  lt.path = library.path();
  library.find("cublasLtGetVersion", lt.get_version);
  library.find("cublasLtGetStatusString", lt.get_status_string);
  library.find("cublasLtCreate", lt.create);
  library.find("cublasLtDestroy", lt.destroy);
  library.find("cublasLtMatmulDescCreate", lt.desc_create);
  library.find("cublasLtMatmulDescDestroy", lt.desc_destroy);
  library.find("cublasLtMatmulDescSetAttribute", lt.desc_set);
  library.find("cublasLtMatrixLayoutCreate", lt.layout_create);
  library.find("cublasLtMatrixLayoutDestroy", lt.layout_destroy);
  library.find("cublasLtMatrixLayoutSetAttribute", lt.layout_set);
  library.find("cublasLtMatmulPreferenceCreate", lt.preference_create);
  library.find("cublasLtMatmulPreferenceDestroy", lt.preference_destroy);
  library.find("cublasLtMatmulPreferenceSetAttribute", lt.preference_set);
  library.find("cublasLtMatmulAlgoGetHeuristic", lt.get_heuristic);
  library.find("cublasLtMatmulAlgoConfigGetAttribute", lt.algo_get);
  library.find("cublasLtMatmulAlgoCheck", lt.algo_check);
  library.find("cublasLtMatmul", lt.matmul);
  return lt;
}

}  // namespace

const CublasLtLibrary& cublaslt_library() {
  static const CublasLtLibrary library = load_cublaslt();
  return library;
}

void check_cublaslt(cublasStatus_t status, const char* what) {
  base::require(status == CUBLAS_STATUS_SUCCESS, base::ErrorCode::internal, "cuBLASLt, ", what,
                ": ", cublaslt_library().get_status_string(status));
}

}  // namespace streamdiffusion::backend::cuda
