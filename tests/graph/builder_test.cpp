// GraphBuilder: shapes, lifetimes and what it refuses.
#include "graph/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace streamdiffusion::graph {
namespace {

using tensor::Desc;
using tensor::DType;
using tensor::Shape;

Value image(Builder& b, std::int64_t h, std::int64_t w, std::int64_t c) {
  return b.input("x", {{2, h, w, c}, DType::f32}, Lifetime::per_frame);
}

TEST(Builder, NamesJoinWithDots) {
  EXPECT_EQ((Name("down_blocks") / 0 / "resnets" / 1).str(), "down_blocks.0.resnets.1");
  EXPECT_EQ((Name() / "conv_in").str(), "conv_in");
}

TEST(Builder, ConvolutionShapes) {
  Builder b(DType::f32);
  const Value x = image(b, 15, 8, 4);
  EXPECT_EQ(b.shape(b.conv2d(x, Name("a"), {.out = 6})), (Shape{2, 15, 8, 6}));
  EXPECT_EQ(b.shape(b.conv2d(x, Name("b"), {.out = 6, .stride = 2})), (Shape{2, 8, 4, 6}));
  EXPECT_EQ(b.shape(b.conv2d(x, Name("c"), {.out = 6, .stride = 2, .pad_begin = 0, .pad_end = 1})),
            (Shape{2, 7, 4, 6}));
}

TEST(Builder, RecordsWeightsAsTheFileHasThem) {
  Builder b(DType::bf16);
  const Value x = image(b, 8, 8, 4);
  b.conv2d(x, Name("conv"), {.out = 6});
  b.linear(x, Name("proj"), {.out = 3, .bias = false, .conv_weight = true});
  const Graph graph = b.finish();
  ASSERT_EQ(graph.weights.size(), 3U);
  EXPECT_EQ(graph.weights[0].name, "conv.weight");
  EXPECT_THAT(graph.weights[0].dims, ::testing::ElementsAre(6, 4, 3, 3));
  EXPECT_EQ(graph.weights[1].name, "conv.bias");
  EXPECT_EQ(graph.weights[2].name, "proj.weight");
  EXPECT_THAT(graph.weights[2].dims, ::testing::ElementsAre(3, 4, 1, 1));
}

TEST(Builder, RefusesATensorUsedTwice) {
  Builder b(DType::f32);
  const Value x = image(b, 8, 8, 4);
  b.linear(x, Name("proj"), {.out = 4});
  EXPECT_THROW(b.linear(x, Name("proj"), {.out = 4}), base::Error);
}

TEST(Builder, AnErrorNamesTheOpAndBothShapes) {
  Builder b(DType::f32);
  const Value x = image(b, 8, 8, 4);
  const Value y = b.linear(x, Name("proj"), {.out = 5});
  try {
    b.conv2d(x, Name("conv1"), {.out = 6, .residual = y});
    FAIL() << "did not throw";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("conv1"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("[2, 8, 8, 5]"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("[2, 8, 8, 6]"));
  }
}

TEST(Builder, AttentionKeepsKeysWhereEachRowHasItsOwn) {
  Builder b(DType::bf16);
  const auto input = [&](const char* name, const Shape& shape, DType dtype) {
    return b.input(name, {shape, dtype}, Lifetime::per_frame);
  };
  const Value q = input("q", {2, 3, 4, 8}, DType::bf16), k = input("k", {2, 5, 1, 8}, DType::bf16),
              slots = input("slots", {2, 1, 1, 3}, DType::i32),
              wide = input("wide", {2, 1, 1, 34}, DType::i32);
  const Attention kept{.heads = 2, .kv_rows = {}, .slots = 3};
  const Value y = b.attention(q, q, q, slots, Name("kept"), kept);
  EXPECT_EQ(b.shape(y), (Shape{2, 3, 4, 8}));
  EXPECT_THROW(b.attention(q, k, k, slots, Name("a"), kept), base::Error);
  EXPECT_THROW(b.attention(q, q, q, wide, Name("b"), kept), base::Error);
  EXPECT_THROW(b.attention(q, q, q, {}, Name("c"), kept), base::Error);
  EXPECT_THROW(b.attention(q, q, q, slots, Name("d"), {.heads = 2, .kv_rows = {0, 0}, .slots = 3}),
               base::Error);
  b.output("y", y);
  const Graph graph = b.finish();
  const std::size_t values = std::size_t{2} * 3 * 4 * 8;
  EXPECT_EQ(graph.kept_bytes(graph.ops[0]), 2 * 3 * values * 2);  // k and v, slots, bytes
  EXPECT_EQ(graph.flops(graph.ops[0]), 4.0 * static_cast<double>(values) * 3 * 12);
}

TEST(RowSlots, LeavesOutWhatIsNone) {
  const std::int32_t entries[]{2, -1, 0, 3, 1};
  const RowSlots slots(entries, 5, 3);
  EXPECT_EQ(slots.own(), 2);
  EXPECT_THAT(slots.earlier(), ::testing::ElementsAre(0, 1));
  const std::int32_t wrong[]{7, 1};
  EXPECT_THAT(RowSlots(wrong, 2, 3).all(), ::testing::ElementsAre(0, 1));
}

TEST(Builder, AnOpLivesAsLongAsItsFastestInput) {
  Builder b(DType::f32);
  const Value x = image(b, 4, 4, 4);
  const Value t = b.input("t", {{2, 1, 1, 1}, DType::f32}, Lifetime::per_schedule);
  const Value row_bias =
      b.linear(b.timestep_embedding(t, {.width = 8}), Name("time"), {.out = 4, .f32_output = true});
  const Value y = b.conv2d(x, Name("conv"), {.out = 4, .bias = false, .row_bias = row_bias});
  const Graph graph = b.finish();
  EXPECT_EQ(graph.info(row_bias).lifetime, Lifetime::per_schedule);
  EXPECT_EQ(graph.info(y).lifetime, Lifetime::per_frame);
}

TEST(Builder, ConvertThatChangesNothingIsNoOp) {
  Builder b(DType::f32);
  const Value x = image(b, 4, 4, 4);
  EXPECT_EQ(b.to_activations(x), x);
}

TEST(Graph, CountsTheOperationsOfAConvolution) {
  Builder b(DType::f32);
  b.conv2d(image(b, 64, 64, 320), Name("conv"), {.out = 320});
  const Graph graph = b.finish();
  EXPECT_DOUBLE_EQ(graph.flops(graph.ops[0]), 2.0 * 2 * 64 * 64 * 320 * 320 * 9);
}

}  // namespace
}  // namespace streamdiffusion::graph
