// Bytes for values: ranges, rounding, and which ops may have them.
#include "graph/quantize.h"

#include <gtest/gtest.h>

#include <array>

#include "graph/builder.h"

namespace streamdiffusion::graph {
namespace {

TEST(ByteScale, ZeroHasAByteOfItsOwnWhereverTheRangeLies) {
  for (const Range& range : {Range{-1, 3}, Range{0.5F, 2}, Range{-4, -1}, Range{0, 255}}) {
    const ByteScale scale = byte_scale(range);
    EXPECT_EQ(scale.rounded(0), 0);
    EXPECT_NEAR(scale.rounded(range.low), range.low, scale.scale);
    EXPECT_NEAR(scale.rounded(range.high), range.high, scale.scale);
  }
}

TEST(ByteScale, RoundsToTheNearestAndHoldsAtTheEnds) {
  const ByteScale scale = byte_scale({0, 255});
  EXPECT_EQ(scale.byte(2.4F), 2);
  EXPECT_EQ(scale.byte(2.5F), 2);
  EXPECT_EQ(scale.byte(3.5F), 4);
  EXPECT_EQ(scale.byte(1000), 255);
  EXPECT_EQ(scale.byte(-1000), 0);
}

TEST(ByteScale, AnInputThatWasAlwaysZeroStaysZero) {
  EXPECT_EQ(byte_scale({0, 0}).rounded(0), 0);
}

TEST(RowScales, EachRowHasTheFinestScaleThatHoldsIt) {
  const std::array<float, 6> weight{127, -3.4F, 0, 0, 0.5F, -1};
  std::array<float, 3> scales{};
  std::array<std::int8_t, 6> bytes{};
  row_scales(weight, scales);
  row_bytes(weight, scales, bytes);
  EXPECT_EQ(scales[0], 1);
  EXPECT_EQ(scales[1], 1) << "a row of zeros";
  EXPECT_EQ(bytes, (std::array<std::int8_t, 6>{127, -3, 0, 0, 64, -127}));
}

TEST(Quantize, MarksProductsThatAreNamedAndNothingElse) {
  Builder builder(tensor::DType::f32);
  const Value x = builder.input("x", {{1, 4, 4, 8}, tensor::DType::f32}, Lifetime::per_frame);
  const Value y = builder.conv2d(x, Name("conv"), {.out = 8});
  builder.output("y", builder.linear(builder.act(y, Activation::relu), Name("linear"), {.out = 4}));
  Graph graph = builder.finish();
  quantize(graph, {{"conv", {-1, 1}}, {"elsewhere", {0, 1}}});
  for (const Op& op : graph.ops) EXPECT_EQ(op.range.has_value(), op.name == "conv") << op.name;
}

}  // namespace
}  // namespace streamdiffusion::graph
