#include "backend/host/token_ids.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::backend::host {

TokenIds::TokenIds(std::span<const RowGroup> groups) {
  if (groups.empty()) return;
  const RowGroup& group = groups.front();  // all groups have inputs of the same names
  for (std::size_t program = 0; program < group.plan.programs.size(); ++program) {
    for (const int index : group.plan.programs[program]) {
      const graph::Op& op = group.graph.ops[static_cast<std::size_t>(index)];
      const auto* embedding = std::get_if<graph::Embedding>(&op.attributes);
      if (embedding == nullptr) continue;
      for (const graph::Input& input : group.graph.inputs) {
        if (input.value == op.inputs[0] &&
            group.graph.desc(input.value).dtype == tensor::DType::i32)
          inputs_.push_back({program, input.name, embedding->vocabulary});
      }
    }
  }
}

void TokenIds::check(std::size_t program, const State& state) const {
  for (const Input& input : inputs_) {
    if (input.program != program) continue;
    const tensor::View view = state.input(input.name);
    const std::span ids(view.as<const std::int32_t>(),
                        static_cast<std::size_t>(view.desc.shape.elements()));
    const auto bad = std::find_if(
        ids.begin(), ids.end(), [&](std::int32_t id) { return id < 0 || id >= input.vocabulary; });
    base::require(bad == ids.end(), base::ErrorCode::invalid_argument, "token ", bad - ids.begin(),
                  " has id ", bad == ids.end() ? 0 : *bad, ", the vocabulary has ",
                  input.vocabulary, " entries");
  }
}

}  // namespace streamdiffusion::backend::host
