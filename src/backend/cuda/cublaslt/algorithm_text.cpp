#include "backend/cuda/cublaslt/algorithm_text.h"

#include <array>
#include <bit>
#include <charconv>
#include <string_view>

namespace streamdiffusion::backend::cuda {
namespace {

using Bytes = std::array<unsigned char, sizeof(cublasLtMatmulAlgo_t)>;

}  // namespace

std::string to_text(const cublasLtMatmulAlgo_t& algorithm) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : std::bit_cast<Bytes>(algorithm)) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::optional<cublasLtMatmulAlgo_t> algorithm_from_text(const std::string& text) {
  Bytes bytes{};
  if (text.size() != 2 * bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char* begin = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, bytes[i], 16);
    if (error != std::errc() || end != begin + 2) return std::nullopt;
  }
  return std::bit_cast<cublasLtMatmulAlgo_t>(bytes);
}

}  // namespace streamdiffusion::backend::cuda
