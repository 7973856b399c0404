// Where every value of a graph lives and which program computes it.
//
// The hoist pass cuts the graph by lifetime: what does not depend on the frame becomes its own
// program, run once a model, schedule or prompt. Values that cross programs, inputs and outputs are
// persistent (one copy a stream); all others share one arena, laid out by liveness.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace streamdiffusion::graph {

struct Placement {
  bool persistent = false;
  /// Bytes from the start of the persistent block or of the arena.
  std::size_t offset = 0;
};

struct Plan {
  /// Op indices in running order, one list a lifetime.
  std::array<std::vector<int>, kLifetimes> programs;
  /// One a value.
  std::vector<Placement> placements;
  std::size_t persistent_bytes = 0;
  std::size_t arena_bytes = 0;

  /// True if the output of `op` was given the memory of its input number `input`.
  bool in_place(const Op& op, int input) const;
};

/// Plans a graph. Ops whose value reaches no output are left out. An op that may write onto an
/// input that dies there (a residual, an elementwise operand) does.
Plan make_plan(const Graph& graph);

/// Human-readable listing: programs, ops with shapes, types, placements and floating-point
/// operations, totals.
std::string to_string(const Graph& graph, const Plan& plan);

}  // namespace streamdiffusion::graph
