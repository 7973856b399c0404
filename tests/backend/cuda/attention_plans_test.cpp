// Plans of cuDNN for attention, for cards that are not here. cuDNN compiles the kernels for the
// card that is described; fake_driver.cpp stands for the driver that would load them.
#include <dlfcn.h>

#include "backend/cuda/cards.h"
#include "backend/cuda/cudnn/attention.h"

namespace streamdiffusion::backend::cuda {
namespace {

using tensor::DType;

struct Attend {
  const char* what;
  int heads;
  std::int64_t queries, keys, size;
};

/// The attention of SD-Turbo at 512x512 where it is largest and smallest, and the head sizes of
/// SD 1.5 and pictogram.
constexpr Attend kAttends[] = {
    {"SD-Turbo 64x64, self", 5, 4096, 4096, 64}, {"SD-Turbo 64x64, cross", 5, 4096, 77, 64},
    {"SD-Turbo 8x8, self", 20, 64, 64, 64},      {"SD 1.5 64x64, self", 8, 4096, 4096, 40},
    {"SD 1.5 16x16, self", 8, 256, 256, 160},
};

bool have_fake_driver() {
  void* driver = ::dlopen("libcuda.so.1", RTLD_NOW);
  return driver != nullptr && ::dlsym(driver, "cuGetProcAddress_v2") != nullptr;
}

class CudaAttentionPlans : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!have_cudnn()) GTEST_SKIP() << "cuDNN is not installed";
    if (!have_fake_driver()) GTEST_SKIP() << "run it with ctest, which names the driver's folder";
  }
  static void expect_engine(const Attend& attend, DType dtype) {
    SCOPED_TRACE(base::concat(to_string(dtype), ' ', attend.what));
    const Card card = described_card(GetParam());
    const AttentionShape shape{.queries = attend.queries,
                               .keys = attend.keys,
                               .heads = attend.heads,
                               .size = attend.size,
                               .dtype = dtype};
    ASSERT_TRUE(cudnn_takes(shape));
    const Plan plan = plan_attention(card, shape);
    std::printf("%-8s %-4s %-22s engine %d, workspace %d bytes\n", GetParam(), to_string(dtype),
                attend.what, static_cast<int>(plan.engine), static_cast<int>(plan.workspace_bytes));
    EXPECT_LT(plan.workspace_bytes, 1 << 20);
    const std::string text = to_text(plan);
    const std::optional<Plan> again = plan_from_text(card, text);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->engine, plan.engine);
    EXPECT_EQ(again->workspace_bytes, plan.workspace_bytes);
    EXPECT_EQ(again->runtime_compiled, plan.runtime_compiled);
    EXPECT_EQ(to_text(*again), text);
  }
};

TEST_P(CudaAttentionPlans, EveryShapeHasAnEngine) {
  for (const DType dtype : {DType::bf16, DType::f16})
    for (const Attend& attend : kAttends) expect_engine(attend, dtype);
}

/// Not all cards: each plan takes up to a second.
INSTANTIATE_TEST_SUITE_P(Cards, CudaAttentionPlans, ::testing::Values("rtx4090", "h100"),
                         [](const auto& test) { return std::string(test.param); });

TEST(CudaAttention, LeavesToOurKernelWhatCudnnDoesNotTake) {
  EXPECT_TRUE(
      cudnn_takes({.queries = 64, .keys = 64, .heads = 2, .size = 64, .dtype = DType::f16}));
  EXPECT_FALSE(
      cudnn_takes({.queries = 64, .keys = 64, .heads = 2, .size = 64, .dtype = DType::f32}));
  EXPECT_FALSE(
      cudnn_takes({.queries = 64, .keys = 64, .heads = 2, .size = 5, .dtype = DType::f16}));
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda
