// Algorithms of cuBLASLt as text.
#include "backend/cuda/cublaslt/algorithm_text.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace streamdiffusion::backend::cuda {
namespace {

cublasLtMatmulAlgo_t algorithm() {
  cublasLtMatmulAlgo_t algorithm{};
  std::uint64_t number = 0xfedcba9876543210;
  for (std::uint64_t& word : algorithm.data) word = number *= 0x9e3779b97f4a7c15;
  return algorithm;
}

TEST(AlgorithmText, IsReadBack) {
  const cublasLtMatmulAlgo_t written = algorithm();
  const auto read = algorithm_from_text(to_text(written));
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(std::equal(std::begin(written.data), std::end(written.data), std::begin(read->data)));
}

TEST(AlgorithmText, AnotherTextIsNone) {
  const std::string text = to_text(algorithm());
  EXPECT_EQ(text.size(), 128U);
  EXPECT_FALSE(algorithm_from_text(""));
  EXPECT_FALSE(algorithm_from_text(text.substr(1)));
  EXPECT_FALSE(algorithm_from_text(text + "0"));
  for (const char other : {'g', ' ', '-', 'x'}) {
    for (const std::size_t at : {0U, 1U, 127U}) {
      std::string changed = text;
      changed[at] = other;
      EXPECT_FALSE(algorithm_from_text(changed)) << other << " at " << at;
    }
  }
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda
