// Algorithms of cuBLASLt as text, for the cache. They are plain bytes, which may be kept.
#pragma once

#include <cublasLt.h>

#include <optional>
#include <string>

namespace streamdiffusion::backend::cuda {

/// 128 hexadecimal digits.
std::string to_text(const cublasLtMatmulAlgo_t& algorithm);
/// An algorithm that to_text() wrote; nothing for another text.
std::optional<cublasLtMatmulAlgo_t> algorithm_from_text(const std::string& text);

}  // namespace streamdiffusion::backend::cuda
