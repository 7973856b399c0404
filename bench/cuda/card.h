// A card, and NVIDIA's libraries on it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>

#include "backend/cuda/cublaslt/gemm.h"
#include "backend/cuda/cudnn/calls.h"
#include "backend/cuda/runtime.h"

namespace streamdiffusion::bench {

struct Card {
  /// The first card. Throws not_found saying what is missing.
  Card();

  std::unique_ptr<backend::cuda::Runtime> runtime;
  backend::cuda::Cudnn cudnn;
  backend::cuda::CublasLt cublaslt;
};

/// Name, memory, driver, versions and paths of the libraries, and cuDNN's own description of the
/// card, as the files of tests/data/gpus.
nlohmann::json describe(const Card& card);

}  // namespace streamdiffusion::bench
