// Which row of what was computed ahead each row of a call reads.
#include "graph/hoisted_values.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "graph/builder.h"

namespace streamdiffusion::graph {
namespace {

using tensor::DType;

/// Rows with a time embedding each attend to the keys and values of their prompts.
Graph small_graph(const std::vector<int>& kv_rows, int prompts) {
  const auto rows = static_cast<std::int64_t>(kv_rows.size());
  Builder b(DType::f32);
  const Value x = b.input("x", {{rows, 2, 2, 8}, DType::f32}, Lifetime::per_frame);
  const Value time = b.input("time", {{rows, 2, 2, 8}, DType::f32}, Lifetime::per_schedule);
  const Value text = b.input("text", {{prompts, 5, 1, 8}, DType::f32}, Lifetime::per_prompt);
  const Value h = b.add(x, b.silu(time));
  const Value k = b.linear(text, Name("k"), {.out = 8}), v = b.linear(text, Name("v"), {.out = 8});
  b.output("y", b.attention(h, k, v, Name("attention"), {.heads = 2, .kv_rows = kv_rows}));
  return b.finish();
}

TEST(HoistedValues, KeysAndValuesAreThePromptsAndAllElseTheRows) {
  const Graph graph = small_graph({1, 0, 0}, 2);
  const auto values = hoisted_values(graph, plan_memory(graph), 3);
  ASSERT_EQ(values.size(), 3U);
  EXPECT_EQ(values[0].lifetime, Lifetime::per_schedule);
  EXPECT_EQ(values[0].rows, (std::vector{0, 1, 2}));
  for (const std::size_t i : {1U, 2U}) {
    EXPECT_EQ(values[i].lifetime, Lifetime::per_prompt);
    EXPECT_EQ(values[i].rows, (std::vector{1, 0, 0}));
  }
}

TEST(HoistedValues, TheOrderIsTheSameForEveryNumberOfRows) {
  const Graph one = small_graph({0}, 1), four = small_graph({0, 1, 2, 3}, 4);
  const auto a = hoisted_values(one, plan_memory(one), 1),
             b = hoisted_values(four, plan_memory(four), 4);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(one.info(a[i].value).producer, four.info(b[i].value).producer);
    EXPECT_EQ(one.desc(a[i].value).row_bytes(), four.desc(b[i].value).row_bytes());
  }
}

TEST(HoistedValues, AValueThatRowsShareIsRefused) {
  Builder b(DType::f32);
  const Value x = b.input("x", {{1, 2, 2, 8}, DType::f32}, Lifetime::per_frame);
  b.output("y", b.add(x, b.input("t", {{1, 2, 2, 8}, DType::f32}, Lifetime::per_prompt)));
  const Graph graph = b.finish();
  EXPECT_THROW(hoisted_values(graph, plan_memory(graph), 2), base::Error);
}

}  // namespace
}  // namespace streamdiffusion::graph
