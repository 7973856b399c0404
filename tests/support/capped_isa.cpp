// The whole program under a cap on the instruction set, given as SD_TEST_MAX_ISA: it is set before
// the first device is opened.
#include <gtest/gtest.h>

#include <cstdlib>

#include "backend/backend.h"

namespace streamdiffusion::testing {
namespace {

class CappedIsa : public ::testing::Environment {
  void SetUp() override {
    if (const char* isa = std::getenv("SD_TEST_MAX_ISA"))
      backend::make_device("cpu", {.threads = 1, .max_isa = isa});
  }
};
[[maybe_unused]] const auto* const capped = ::testing::AddGlobalTestEnvironment(new CappedIsa);

}  // namespace
}  // namespace streamdiffusion::testing
