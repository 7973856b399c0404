// A card, NVIDIA's libraries on it, and how long work takes there.
#pragma once

#include <functional>
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

/// Seconds of one call of `launch`, which queues work: the least of several replays of a CUDA graph
/// of `count` calls. `launch` is given 0, 1, … so that it can use other memory each time.
double seconds_of(backend::cuda::Runtime& runtime, int count,
                  const std::function<void(int)>& launch);

/// Memory of the card with random bf16 numbers in -1..1.
std::unique_ptr<backend::cuda::DeviceBuffer> random_memory(backend::cuda::Runtime& runtime,
                                                           std::size_t bytes);

}  // namespace streamdiffusion::bench
