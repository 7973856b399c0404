#include "graph/hoisted_values.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace streamdiffusion::graph {
namespace {

/// Which row of an op's input each row of the call reads.
std::vector<int> rows_read(const Op& op, std::size_t input, int rows) {
  const auto* attention = std::get_if<Attention>(&op.attributes);
  if (attention != nullptr && (input == 1 || input == 2)) return attention->kv_rows;
  std::vector<int> own(static_cast<std::size_t>(rows));
  std::iota(own.begin(), own.end(), 0);
  return own;
}

void require_rows(const Graph& graph, const Op& op, const HoistedValue& hoisted, int rows) {
  const std::int64_t has = graph.desc(hoisted.value).shape.n;
  const bool fits = static_cast<int>(hoisted.rows.size()) == rows &&
                    std::ranges::all_of(hoisted.rows, [&](int row) { return row < has; });
  base::require(fits, base::ErrorCode::internal, op.kind(), " \"", op.name, "\" reads a value of ",
                has, " rows that was computed ahead, expected one for each of ", rows, " rows");
}

}  // namespace

std::vector<HoistedValue> hoisted_values(const Graph& graph, const MemoryPlan& plan, int rows) {
  std::vector<HoistedValue> all;
  for (const int index : plan.programs[static_cast<std::size_t>(Lifetime::per_frame)]) {
    const Op& op = graph.ops[static_cast<std::size_t>(index)];
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
      const Lifetime lifetime = graph.info(op.inputs[i]).lifetime;
      if (lifetime == Lifetime::per_frame) continue;
      HoistedValue read{op.inputs[i], lifetime, rows_read(op, i, rows)};
      require_rows(graph, op, read, rows);
      const auto known = std::ranges::find(all, read.value, &HoistedValue::value);
      if (known == all.end()) {
        all.push_back(std::move(read));
        continue;
      }
      base::require(known->rows == read.rows, base::ErrorCode::internal, op.kind(), " \"", op.name,
                    "\" reads other rows of a value than an op before it");
    }
  }
  return all;
}

}  // namespace streamdiffusion::graph
