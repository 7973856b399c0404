// Which form a convolution gets on CUDA.
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/cuda/attention_runs.h"
#include "backend/cuda/convolution_form.h"
#include "backend/cuda/row_bias_fusion.h"
#include "graph/builder.h"

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

/// A convolution with a row bias of that lifetime, and what reads it.
host::RowGroup row_biased(graph::Lifetime lifetime, bool read_twice) {
  graph::Builder b(DType::bf16);
  const graph::Value x = b.input("x", {{2, 4, 4, 16}, DType::bf16}, graph::Lifetime::per_frame);
  const graph::Value t = b.input("t", {{2, 1, 1, 8}, DType::bf16}, lifetime);
  const graph::Value row_bias = b.linear(t, graph::Name("time"), {.out = 16, .f32_output = true});
  const graph::Value y =
      b.conv2d(x, graph::Name("conv"), {.out = 16, .bias = false, .row_bias = row_bias});
  const graph::Value norm = b.group_norm(y, graph::Name("norm"), {.groups = 4});
  b.output("y", read_twice ? b.add(norm, y) : norm);
  return host::RowGroup(b.finish());
}

bool fuses(const host::RowGroup& group) {
  const RowBiasFusion fusion(group);
  const auto is_conv = [](const graph::Op& op) {
    return std::holds_alternative<graph::Conv2d>(op.attributes);
  };
  const graph::Op conv = *std::ranges::find_if(fusion.ops, is_conv);
  const bool fused = !std::get<graph::Conv2d>(conv.attributes).row_bias;
  EXPECT_EQ(conv.inputs.size(), fused ? 1U : 2U);
  EXPECT_EQ(std::ranges::count_if(fusion.row_biases, [](auto& v) { return v.has_value(); }),
            fused ? 1 : 0);
  return fused;
}

TEST(RowBiasFusion, LeavesTheRowBiasToAGroupNormThatIsTheOnlyReader) {
  EXPECT_TRUE(fuses(row_biased(graph::Lifetime::per_schedule, false)));
  EXPECT_FALSE(fuses(row_biased(graph::Lifetime::per_schedule, true)));
}

TEST(RowBiasFusion, NeedsARowBiasThatLivesUntilTheNorm) {
  EXPECT_FALSE(fuses(row_biased(graph::Lifetime::per_frame, false)));
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda
