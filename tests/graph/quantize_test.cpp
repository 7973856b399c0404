// Quantization parameters, rounding, and which ops may run in int8.
#include "graph/quantize.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "graph/builder.h"

namespace streamdiffusion::graph {
namespace {

TEST(QuantParams, ZeroIsExactWhereverTheRangeLies) {
  for (const ActivationRange& range : {ActivationRange{-1, 3}, ActivationRange{0.5F, 2},
                                       ActivationRange{-4, -1}, ActivationRange{0, 255}}) {
    const QuantParams params = choose_quant_params(range);
    EXPECT_EQ(params.fake_quantize(0), 0);
    EXPECT_NEAR(params.fake_quantize(range.low), range.low, params.scale);
    EXPECT_NEAR(params.fake_quantize(range.high), range.high, params.scale);
  }
}

TEST(QuantParams, RoundsToNearestEvenAndSaturates) {
  const QuantParams params = choose_quant_params({0, 255});
  EXPECT_EQ(params.quantize(2.4F), 2);
  EXPECT_EQ(params.quantize(2.5F), 2);
  EXPECT_EQ(params.quantize(3.5F), 4);
  EXPECT_EQ(params.quantize(1000), 255);
  EXPECT_EQ(params.quantize(-1000), 0);
}

TEST(QuantParams, AnInputThatWasAlwaysZeroStaysZero) {
  EXPECT_EQ(choose_quant_params({0, 0}).fake_quantize(0), 0);
}

TEST(QuantParams, NoRangeHasAScaleThatIsZeroOrDenormal) {
  for (const ActivationRange& range :
       {ActivationRange{0, 1e-44F}, ActivationRange{-1e-44F, 1e-44F}, ActivationRange{0, 1e-38F},
        ActivationRange{-1e-20F, 0}, ActivationRange{-3e38F, 3e38F}}) {
    const QuantParams params = choose_quant_params(range);
    EXPECT_TRUE(std::isnormal(params.scale * 1e-18F)) << range.low << " " << range.high;
    EXPECT_GE(params.zero_point, 0);
    EXPECT_LE(params.zero_point, 255);
    EXPECT_EQ(params.fake_quantize(0), 0);
  }
  EXPECT_NEAR(choose_quant_params({-1e-12F, 1e-12F}).scale, 2e-12F / 255, 1e-18F);
}

TEST(PerChannelScales, OfTinyWeightsAreNotDenormal) {
  const std::array<float, 4> weight{1e-44F, -1e-44F, 1e-30F, 0};
  std::array<float, 2> scales{};
  per_channel_scales(weight, scales);
  EXPECT_EQ(scales, (std::array<float, 2>{1, 1}));
}

TEST(PerChannelScales, EachRowHasTheSmallestScaleThatCoversIt) {
  const std::array<float, 6> weight{127, -3.4F, 0, 0, 0.5F, -1};
  std::array<float, 3> scales{};
  std::array<std::int8_t, 6> quantized{};
  per_channel_scales(weight, scales);
  quantize_per_channel(weight, scales, quantized);
  EXPECT_EQ(scales[0], 1);
  EXPECT_EQ(scales[1], 1) << "a row of zeros";
  EXPECT_EQ(quantized, (std::array<std::int8_t, 6>{127, -3, 0, 0, 64, -127}));
}

TEST(Quantize, MarksTheNamedOpsAndNothingElse) {
  Builder builder(tensor::DType::f32);
  const Value x = builder.input("x", {{1, 4, 4, 8}, tensor::DType::f32}, Lifetime::per_frame);
  const Value y = builder.conv2d(x, Name("conv"), {.out = 8});
  builder.output("y", builder.linear(builder.act(y, Activation::relu), Name("linear"), {.out = 4}));
  Graph graph = builder.finish();
  quantize(graph, {{"conv", {-1, 1}}, {"elsewhere", {0, 1}}});
  for (const Op& op : graph.ops)
    EXPECT_EQ(op.input_range.has_value(), op.name == "conv") << op.name;
}

}  // namespace
}  // namespace streamdiffusion::graph
