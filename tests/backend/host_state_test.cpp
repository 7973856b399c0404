// Where the values of a state lie: none overlaps another that lives at the same time.
#include "backend/host/host_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "graph/builder.h"

namespace streamdiffusion::backend::host {
namespace {

using graph::Builder;
using graph::Lifetime;
using tensor::DType;

/// A row group of `rows` rows: x and context in, y out, and a hoisted value of its own.
graph::Graph group_graph(std::int64_t rows, std::int64_t width = 3, DType dtype = DType::f32) {
  Builder b(DType::f32);
  const auto x = b.to_activations(b.input("x", {{rows, width, 1, 5}, dtype}, Lifetime::per_frame));
  const auto context = b.silu(b.input("context", {{2, 7, 1, 5}, DType::f32}, Lifetime::per_prompt));
  const graph::Attention options{.heads = 1,
                                 .kv_rows = std::vector<int>(static_cast<std::size_t>(rows), 0)};
  b.output("y", b.attention(b.silu(x), context, context, graph::Name("a"), options));
  return b.finish();
}

const std::vector<std::string> kShared = {"context"};

std::string layout_error(const std::vector<RowGroup>& made) {
  try {
    const StateLayout layout(made, kShared);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::internal);
    return error.what();
  }
  return "";
}

TEST(StateLayout, RowsOfAllGroupsAreOneView) {
  const std::vector<RowGroup> made = make_row_groups({group_graph(1), group_graph(2)});
  const StateLayout layout(made, kShared);
  EXPECT_EQ(layout.input("x").desc.shape, (tensor::Shape{3, 3, 1, 5}));
  EXPECT_EQ(layout.output("y").desc.shape, (tensor::Shape{3, 3, 1, 5}));
  const std::vector<tensor::Buffer> arenas = make_arenas(made);
  const HostState state(layout, made, arenas, 0);
  const auto x = state.input("x");
  EXPECT_EQ(state.values(0)[made[0].graph.inputs[0].value.id], x.data);
  EXPECT_EQ(state.values(1)[made[1].graph.inputs[0].value.id], x.rows(1, 2).data);
}

TEST(StateLayout, ASharedInputIsTheSameMemoryForEveryGroup) {
  const std::vector<RowGroup> made = make_row_groups({group_graph(1), group_graph(2)});
  const StateLayout layout(made, kShared);
  const std::vector<tensor::Buffer> arenas = make_arenas(made);
  const HostState state(layout, made, arenas, 0);
  EXPECT_EQ(state.input("context").desc.shape, (tensor::Shape{2, 7, 1, 5}));
  for (std::size_t group = 0; group < 2; ++group) {
    EXPECT_EQ(state.values(group)[made[group].graph.inputs[1].value.id],
              state.input("context").data);
  }
}

/// Memory of one value in a state or arena.
struct Piece {
  const std::byte* begin;
  std::size_t bytes;
};

TEST(StateLayout, PersistentValuesOverlapNeitherEachOtherNorAnotherStream) {
  const std::vector<RowGroup> made = make_row_groups({group_graph(1), group_graph(2)});
  const StateLayout layout(made, kShared);
  const std::vector<tensor::Buffer> arenas = make_arenas(made);
  const HostState first(layout, made, arenas, 0), second(layout, made, arenas, 0);
  std::vector<Piece> pieces;
  for (const HostState* state : {&first, &second}) {
    for (std::size_t l = 0; l < made.size(); ++l) {
      for (std::size_t v = 0; v < made[l].graph.values.size(); ++v) {
        const bool shared = made[l].graph.inputs[1].value.id == static_cast<int>(v) && l > 0;
        if (!made[l].plan.placements[v].persistent || shared) continue;
        pieces.push_back({static_cast<const std::byte*>(state->values(l)[v]),
                          made[l].graph.values[v].desc.bytes()});
      }
    }
  }
  for (std::size_t a = 0; a < pieces.size(); ++a) {
    for (std::size_t b = a + 1; b < pieces.size(); ++b) {
      const bool apart = pieces[a].begin + pieces[a].bytes <= pieces[b].begin ||
                         pieces[b].begin + pieces[b].bytes <= pieces[a].begin;
      EXPECT_TRUE(apart) << a << " and " << b;
    }
  }
}

TEST(StateLayout, AValueNoProgramComputesHasNoAddress) {
  Builder b(DType::f32);
  const auto x = b.input("x", {{1, 1, 1, 8}, DType::f32}, Lifetime::per_frame);
  const auto unused = b.silu(x);
  const auto used = b.silu(x);
  b.output("y", b.silu(used));
  const std::vector<RowGroup> made = make_row_groups({b.finish()});
  const StateLayout layout(made, {});
  const std::vector<tensor::Buffer> arenas = make_arenas(made);
  const HostState state(layout, made, arenas, 0);
  EXPECT_EQ(state.values(0)[unused.id], nullptr);
  EXPECT_NE(state.values(0)[used.id], nullptr);
}

TEST(StateLayout, NamesAPortThatDoesNotExist) {
  const std::vector<RowGroup> made = make_row_groups({group_graph(1)});
  const StateLayout layout(made, {});
  try {
    layout.input("y");
    FAIL() << "did not throw";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::not_found);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("no input \"y\""));
  }
}

TEST(StateLayout, RefusesGroupsThatDoNotFitTogether) {
  EXPECT_THAT(layout_error({}), ::testing::HasSubstr("no row group"));
  EXPECT_THAT(layout_error(make_row_groups({group_graph(1), group_graph(1, 4)})),
              ::testing::HasSubstr("\"x\""));
  EXPECT_THAT(layout_error(make_row_groups({group_graph(1), group_graph(1, 3, DType::bf16)})),
              ::testing::HasSubstr("bf16"));
  graph::Graph more_outputs = group_graph(1);
  more_outputs.outputs.push_back({"z", more_outputs.ops[0].output});
  EXPECT_THAT(layout_error(make_row_groups({group_graph(1), more_outputs})),
              ::testing::HasSubstr("outputs"));
  graph::Graph other_name = group_graph(1);
  other_name.inputs[0].name = "latents";
  EXPECT_THAT(layout_error(make_row_groups({group_graph(1), other_name})),
              ::testing::HasSubstr("\"x\""));
}

}  // namespace
}  // namespace streamdiffusion::backend::host
