// Memory plans: values that live at the same time never overlap.
#include "graph/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "graph/builder.h"

namespace streamdiffusion::graph {
namespace {

using tensor::DType;

/// A random graph of resnet-like pieces: residuals, long skips, elementwise ops, and inputs of
/// every lifetime.
Graph random_graph(unsigned seed) {
  std::mt19937 random(seed);
  Builder b(DType::f32);
  std::vector<Value> values;
  for (const Lifetime lifetime :
       {Lifetime::per_schedule, Lifetime::per_prompt, Lifetime::per_frame}) {
    values.push_back(b.input(to_string(lifetime), {{1, 8, 8, 8}, DType::f32}, lifetime));
  }
  auto any = [&] { return values[random() % values.size()]; };
  for (int i = 0; i < 40; ++i) {
    const Name name("op" + std::to_string(i));
    switch (random() % 4) {
      case 0:
        values.push_back(b.conv2d(any(), name, {.out = 8, .residual = any()}));
        break;
      case 1:
        values.push_back(b.add(any(), any()));
        break;
      case 2:
        values.push_back(b.silu(any()));
        break;
      default:
        values.push_back(b.layer_norm(any(), name));
        break;
    }
  }
  b.output("y", values.back());
  b.output("z", any());
  return b.finish();
}

/// Runs the plan symbolically: each op stamps the bytes of its output; every input must still carry
/// its own stamp.
void expect_no_value_is_overwritten(const Graph& graph, const MemoryPlan& plan) {
  std::vector<int> arena(plan.arena_bytes / 64, -1);
  for (const auto& program : plan.programs) {
    for (const int i : program) {
      const Op& op = graph.ops[static_cast<std::size_t>(i)];
      for (const Value input : op.inputs) {
        const Placement& placement = plan.placements[static_cast<std::size_t>(input.id)];
        if (placement.persistent) continue;
        const std::size_t end = placement.offset + graph.desc(input).bytes();
        for (std::size_t at = placement.offset; at < end; at += 64)
          ASSERT_EQ(arena[at / 64], input.id) << "op " << i;
      }
      const Placement& placement = plan.placements[static_cast<std::size_t>(op.output.id)];
      if (placement.persistent) continue;
      const std::size_t end = placement.offset + graph.desc(op.output).bytes();
      ASSERT_LE(end, plan.arena_bytes);
      for (std::size_t at = placement.offset; at < end; at += 64) arena[at / 64] = op.output.id;
    }
  }
}

TEST(MemoryPlan, NoLiveValueIsOverwritten) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const Graph graph = random_graph(seed);
    expect_no_value_is_overwritten(graph, plan_memory(graph));
  }
}

TEST(MemoryPlan, ArenaOfAChainIsTwoBuffers) {
  Builder b(DType::f32);
  Value x = b.input("x", {{1, 8, 8, 8}, DType::f32}, Lifetime::per_frame);
  for (int i = 0; i < 20; ++i) x = b.layer_norm(x, Name("norm" + std::to_string(i)));
  b.output("y", b.layer_norm(x, Name("last")));
  const Graph graph = b.finish();
  EXPECT_EQ(plan_memory(graph).arena_bytes, 2U * 8 * 8 * 8 * 4);
}

TEST(MemoryPlan, AResidualThatNoLaterOpReadsIsOverwritten) {
  Builder b(DType::f32);
  const Value x = b.input("x", {{1, 8, 8, 8}, DType::f32}, Lifetime::per_frame);
  const Value h = b.layer_norm(x, Name("a"));
  const Value y = b.conv2d(b.layer_norm(h, Name("b")), Name("c"), {.out = 8, .residual = h});
  b.output("z", b.layer_norm(y, Name("d")));
  const Graph graph = b.finish();
  const MemoryPlan plan = plan_memory(graph);
  const Op& conv = graph.ops[2];
  EXPECT_TRUE(plan.in_place(conv, 1));
  EXPECT_FALSE(plan.in_place(conv, 0));
}

TEST(MemoryPlan, AResidualThatALaterOpReadsIsNotOverwritten) {
  Builder b(DType::f32);
  const Value x = b.input("x", {{1, 8, 8, 8}, DType::f32}, Lifetime::per_frame);
  const Value h = b.layer_norm(x, Name("a"));
  const Value y = b.conv2d(b.layer_norm(h, Name("b")), Name("c"), {.out = 8, .residual = h});
  b.output("z", b.add(b.layer_norm(y, Name("d")), h));
  const Graph graph = b.finish();
  EXPECT_FALSE(plan_memory(graph).in_place(graph.ops[2], 1));
}

TEST(MemoryPlan, HoistsWhatDoesNotDependOnTheFrame) {
  Builder b(DType::f32);
  const Value x = b.input("x", {{2, 4, 4, 8}, DType::f32}, Lifetime::per_frame);
  const Value t = b.input("t", {{2, 1, 1, 1}, DType::f32}, Lifetime::per_schedule);
  const Value context = b.input("context", {{1, 7, 1, 6}, DType::f32}, Lifetime::per_prompt);
  const Value bias =
      b.linear(b.timestep_embedding(t, {.width = 8}), Name("time"), {.out = 8, .f32_output = true});
  const Value h = b.conv2d(x, Name("conv"), {.out = 8, .bias = false, .row_bias = bias});
  const Value k = b.linear(context, Name("k"), {.out = 8});
  const Value v = b.linear(context, Name("v"), {.out = 8});
  b.output("y", b.attention(h, k, v, Name("attn"), {.heads = 2, .kv_rows = {0, 0}}));
  const Graph graph = b.finish();
  const MemoryPlan plan = plan_memory(graph);
  EXPECT_EQ(plan.programs[static_cast<std::size_t>(Lifetime::per_schedule)].size(), 2U);
  EXPECT_EQ(plan.programs[static_cast<std::size_t>(Lifetime::per_prompt)].size(), 2U);
  EXPECT_EQ(plan.programs[static_cast<std::size_t>(Lifetime::per_frame)].size(), 2U);
  EXPECT_TRUE(plan.placements[static_cast<std::size_t>(bias.id)].persistent);
  EXPECT_TRUE(plan.placements[static_cast<std::size_t>(k.id)].persistent);
}

/// SDXL's time_emb + add_emb(pooled prompt).
TEST(MemoryPlan, AValueOfScheduleAndPromptIsComputedWithThePrompt) {
  Builder b(DType::f32);
  const Value x = b.input("x", {{2, 4, 4, 8}, DType::f32}, Lifetime::per_frame);
  const Value t = b.input("t", {{2, 1, 1, 1}, DType::f32}, Lifetime::per_schedule);
  const Value pooled = b.input("pooled", {{2, 1, 1, 6}, DType::f32}, Lifetime::per_prompt);
  const Value time = b.linear(b.timestep_embedding(t, {.width = 8}), Name("time"), {.out = 8});
  const Value both = b.add(time, b.linear(pooled, Name("add"), {.out = 8}));
  b.output("y", b.conv2d(x, Name("conv"), {.out = 8, .bias = false, .row_bias = both}));
  const Graph graph = b.finish();
  EXPECT_EQ(graph.info(time).lifetime, Lifetime::per_schedule);
  EXPECT_EQ(graph.info(both).lifetime, Lifetime::per_prompt);
  const MemoryPlan plan = plan_memory(graph);
  EXPECT_EQ(plan.programs[static_cast<std::size_t>(Lifetime::per_prompt)].back(),
            graph.info(both).producer);
  EXPECT_TRUE(plan.placements[static_cast<std::size_t>(time.id)].persistent) << "read again there";
  EXPECT_TRUE(plan.placements[static_cast<std::size_t>(both.id)].persistent);
}

/// Runs the programs from `first` on; the version of a value is the newest that it depends on.
void run_from(Lifetime first, const Graph& graph, const MemoryPlan& plan,
              std::vector<int>& versions) {
  for (int program = static_cast<int>(first); program < kLifetimes; ++program) {
    for (const int i : plan.programs[static_cast<std::size_t>(program)]) {
      const Op& op = graph.ops[static_cast<std::size_t>(i)];
      int& version = versions[static_cast<std::size_t>(op.output.id)];
      version = 0;
      for (const Value input : op.inputs)
        version = std::max(version, versions[static_cast<std::size_t>(input.id)]);
    }
  }
}

TEST(MemoryPlan, TheProgramsFromAChangedLifetimeOnLeaveNothingStale) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    const Graph graph = random_graph(seed);
    const MemoryPlan plan = plan_memory(graph);
    for (const Input& changed : graph.inputs) {
      std::vector<int> versions(graph.values.size(), 1);
      versions[static_cast<std::size_t>(changed.value.id)] = 2;
      std::vector<int> refreshed = versions;
      run_from(Lifetime::per_schedule, graph, plan, versions);
      run_from(graph.info(changed.value).lifetime, graph, plan, refreshed);
      EXPECT_EQ(refreshed, versions) << changed.name << ", seed " << seed;
    }
  }
}

TEST(MemoryPlan, LeavesOutWhatReachesNoOutput) {
  Builder b(DType::f32);
  const Value x = b.input("x", {{1, 8, 8, 8}, DType::f32}, Lifetime::per_frame);
  b.layer_norm(x, Name("unused"));
  b.output("y", b.silu(x));
  const Graph graph = b.finish();
  EXPECT_EQ(plan_memory(graph).programs[static_cast<std::size_t>(Lifetime::per_frame)].size(), 1U);
}

}  // namespace
}  // namespace streamdiffusion::graph
