// The op table: every op kind in the shapes and forms that a backend must get right, as named
// little graphs. Backends are tested against the reference with it, the reference against PyTorch.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/builder.h"
#include "support/op_case.h"

namespace streamdiffusion::backend::test {

const std::vector<OpCase>& op_cases();
/// Throws std::out_of_range.
const OpCase& op_case(std::string_view name);

std::vector<OpCase> conv_cases();
std::vector<OpCase> linear_cases();
std::vector<OpCase> norm_cases();
std::vector<OpCase> attention_cases();
std::vector<OpCase> element_cases();
std::vector<OpCase> block_cases();

/// Where a residual comes from, which decides whether the op may write onto it.
enum class Residual {
  none,
  /// An input of the graph: must survive.
  input,
  /// A value that nothing else reads: may be written onto.
  dies,
  /// A value that a later op reads.
  lives_on,
  /// A value that is an output itself.
  output,
};

/// Records the residual; an empty value for Residual::none.
graph::Value make_residual(graph::Builder& b, Residual kind, const tensor::Shape& shape);
/// Records what follows an op with such a residual, and the outputs.
void finish(graph::Builder& b, Residual kind, graph::Value y, graph::Value residual);

graph::Value input(graph::Builder& b, const char* name, const tensor::Shape& shape);

}  // namespace streamdiffusion::backend::test
