// The energy counter on fake_nvml.cpp, which ctest names in SD_CUDA_LIBRARIES.
#include "backend/cuda/nvidia/energy.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace streamdiffusion::backend::cuda {
namespace {

class Energy : public ::testing::Test {
  void SetUp() override {
    if (std::getenv("SD_CUDA_LIBRARIES") == nullptr)
      GTEST_SKIP() << "run it with ctest, which names the library's folder";
  }
};

TEST_F(Energy, IsReadFromTheCardAtTheAddress) {
  const auto counter = make_energy_counter("0000:01:00.0");
  ASSERT_NE(counter, nullptr);
  EXPECT_EQ(counter->joules(), 123.456);
}

TEST_F(Energy, IsNothingWhereTheCardHasNoCounter) {
  const auto counter = make_energy_counter("0000:02:00.0");
  ASSERT_NE(counter, nullptr);
  EXPECT_EQ(counter->joules(), std::nullopt);
}

TEST_F(Energy, HasNoCounterForACardThatTheLibraryDoesNotKnow) {
  EXPECT_EQ(make_energy_counter("0000:03:00.0"), nullptr);
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda
