// What the per-frame program reads that another program computed ahead, and which row of it belongs
// to which row of a call. Streams that share a call each bring their own.
#pragma once

#include <vector>

#include "graph/memory_plan.h"

namespace streamdiffusion::graph {

struct HoistedValue {
  Value value;
  /// per_schedule or per_prompt.
  Lifetime lifetime = Lifetime::per_schedule;
  /// By row of the call: the row of the value that it reads. Of keys and values of a prompt it is
  /// the row's prompt, of all others the row itself.
  std::vector<int> rows;
};

/// In the order in which the program first reads them, which is the same for any number of rows.
/// `rows` of the call. Throws internal for a value that no row has for itself.
std::vector<HoistedValue> hoisted_values(const Graph& graph, const MemoryPlan& plan, int rows);

}  // namespace streamdiffusion::graph
