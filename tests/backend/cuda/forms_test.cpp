// Which form a convolution gets on CUDA.
#include <gtest/gtest.h>

#include "backend/cuda/attention_runs.h"
#include "backend/cuda/convolution_form.h"

namespace streamdiffusion::backend::cuda {
namespace {

using tensor::DType;

TEST(ConvolutionForm, LeavesToCudnnWhatItsPrecompiledEnginesAdd) {
  const graph::Conv2d conv{.in = 320, .out = 320, .residual = true};
  const ConvolutionForm form = convolution_form(conv, DType::bf16);
  EXPECT_TRUE(form.bias && form.residual && !form.relu && !form.add_bias);
}

TEST(ConvolutionForm, AddsRowBiasAndSiluAfterwards) {
  const ConvolutionForm row_bias =
      convolution_form({.in = 320, .out = 320, .bias = false, .row_bias = true}, DType::bf16);
  EXPECT_TRUE(row_bias.add_bias && !row_bias.bias);
  const ConvolutionForm silu =
      convolution_form({.in = 320, .out = 320, .act = graph::Activation::silu}, DType::bf16);
  EXPECT_TRUE(silu.bias && silu.add_bias && !silu.relu);
}

TEST(ConvolutionForm, PadsFewChannelsForTensorCores) {
  EXPECT_EQ(convolution_form({.in = 3, .out = 64}, DType::bf16).in, 8);
  EXPECT_EQ(convolution_form({.in = 3, .out = 64}, DType::f32).in, 3);
}

TEST(AttentionRuns, RowsWithTheSameKeysAreOneProblem) {
  EXPECT_EQ(attention_runs(std::vector{0, 0, 0}), (std::vector<AttentionRun>{{0, 0, 1, 3}}));
  EXPECT_EQ(attention_runs(std::vector{1, 0, 0}),
            (std::vector<AttentionRun>{{0, 1, 1, 1}, {1, 0, 1, 2}}));
}

TEST(AttentionRuns, RowsWithKeysOfTheirOwnAreABatch) {
  EXPECT_EQ(attention_runs(std::vector{0, 1, 2, 3}), (std::vector<AttentionRun>{{0, 0, 4, 1}}));
  EXPECT_EQ(attention_runs(std::vector{0, 1, 1}),
            (std::vector<AttentionRun>{{0, 0, 1, 1}, {1, 1, 1, 2}}));
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda
