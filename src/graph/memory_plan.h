// Where every value of a graph lives, and which program computes it.
//
// The graph is split by lifetime into programs: ops that do not depend on the frame run only when
// the schedule or the prompt changes. Inputs, outputs and values that one program computes and
// another reads are persistent: each stream has its own copy. All others share one arena, laid out
// by liveness.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "graph/graph.h"

namespace streamdiffusion::graph {

struct Placement {
  bool persistent = false;
  /// In bytes, from the start of the persistent memory or of the arena.
  std::size_t offset = 0;
};

struct MemoryPlan {
  /// One program a lifetime: indices of its ops, in the order in which they run.
  std::array<std::vector<int>, kLifetimes> programs;
  /// By value.
  std::vector<Placement> placements;
  std::size_t persistent_bytes = 0;
  std::size_t arena_bytes = 0;

  /// Whether the output of `op` overwrites its input number `input`.
  bool in_place(const Op& op, int input) const;
};

/// Plans a graph. Ops that contribute to no output are left out. An op writes its output over its
/// residual or elementwise input where no later op reads that input. The values of an entry of
/// `side_by_side` are outputs of one program and of equal size; in the arena, each lies behind the
/// one before it, and all are free to be written from the first op on that writes one.
MemoryPlan plan_memory(const Graph& graph,
                       const std::vector<std::vector<Value>>& side_by_side = {});

}  // namespace streamdiffusion::graph
