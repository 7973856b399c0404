// Memory plans: values that live at the same time never overlap.
#include "graph/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <span>

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

/// Random triples of linear layers of one input, with other ops between them, and the outputs of
/// each triple.
std::pair<Graph, std::vector<std::vector<Value>>> random_triples(unsigned seed) {
  std::mt19937 random(seed);
  Builder b(DType::f32);
  std::vector<Value> values{b.input("x", {{1, 8, 8, 8}, DType::f32}, Lifetime::per_frame)};
  std::vector<std::vector<Value>> triples;
  auto any = [&] { return values[random() % values.size()]; };
  for (int i = 0; i < 12; ++i) {
    const Value x = any();
    std::vector<Value> triple;
    for (int part = 0; part < 3; ++part) {
      const Name name(std::to_string(i) + "." + std::to_string(part));
      triple.push_back(b.linear(x, name, {.out = 8}));
      if (random() % 2 == 0) values.push_back(b.add(any(), any()));
    }
    values.insert(values.end(), triple.begin(), triple.end());
    values.push_back(b.add(b.silu(triple[0]), b.add(triple[1], triple[2])));
    triples.push_back(std::move(triple));
  }
  b.output("y", values.back());
  return {b.finish(), triples};
}

/// Runs a plan symbolically: each op stamps the bytes of its output, the first of values that lie
/// side by side those of all; every input must still carry its own stamp.
class SymbolicRun {
 public:
  SymbolicRun(const Graph& graph, const MemoryPlan& plan,
              std::vector<std::vector<Value>> side_by_side)
      : graph_(graph), plan_(plan), side_by_side_(std::move(side_by_side)) {
    arena_.assign(plan.arena_bytes / 64, -1);
  }
  void run() {
    for (const auto& program : plan_.programs) {
      for (const int i : program) {
        const Op& op = graph_.ops[static_cast<std::size_t>(i)];
        for (const Value input : op.inputs) EXPECT_TRUE(carries_its_stamp(input)) << "op " << i;
        write(op.output);
      }
    }
  }

 private:
  /// In units of the arena; empty for a persistent value.
  std::span<int> place(Value value) {
    const Placement& placement = plan_.placements[static_cast<std::size_t>(value.id)];
    if (placement.persistent) return {};
    const std::size_t bytes = graph_.desc(value).bytes();
    EXPECT_LE(placement.offset + bytes, plan_.arena_bytes);
    return std::span(arena_).subspan(placement.offset / 64, (bytes + 63) / 64);
  }
  bool carries_its_stamp(Value value) {
    return std::ranges::all_of(place(value), [&](int stamp) { return stamp == value.id; });
  }
  void stamp(Value value) { std::ranges::fill(place(value), value.id); }
  void write(Value value) {
    if (written_.contains(value.id)) return;
    stamp(value);
    for (const std::vector<Value>& values : side_by_side_) {
      if (std::ranges::find(values, value) == values.end()) continue;
      for (const Value neighbor : values) {
        stamp(neighbor);
        written_.insert(neighbor.id);
      }
    }
  }

  const Graph& graph_;
  const MemoryPlan& plan_;
  const std::vector<std::vector<Value>> side_by_side_;
  std::vector<int> arena_;
  std::set<int> written_;
};

void expect_no_value_is_overwritten(const Graph& graph, const MemoryPlan& plan,
                                    const std::vector<std::vector<Value>>& side_by_side = {}) {
  SymbolicRun(graph, plan, side_by_side).run();
}

TEST(MemoryPlan, ValuesSideBySideLieInOrderAndAreNotOverwritten) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    const auto [graph, triples] = random_triples(seed);
    const MemoryPlan plan = plan_memory(graph, triples);
    expect_no_value_is_overwritten(graph, plan, triples);
    for (const auto& triple : triples) {
      const std::size_t bytes = graph.desc(triple[0]).bytes();
      const auto place = [&](std::size_t i) {
        return plan.placements[static_cast<std::size_t>(triple[i].id)];
      };
      if (place(0).persistent || place(1).persistent || place(2).persistent) continue;
      const auto& program = plan.programs[static_cast<std::size_t>(Lifetime::per_frame)];
      const int producer = graph.info(triple[0]).producer;
      if (std::ranges::find(program, producer) == program.end())
        continue;  // contributes to nothing
      EXPECT_EQ(place(1).offset, place(0).offset + bytes);
      EXPECT_EQ(place(2).offset, place(0).offset + 2 * bytes);
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
