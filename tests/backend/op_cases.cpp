#include "backend/op_cases.h"

#include <iterator>
#include <stdexcept>

namespace streamdiffusion::backend::test {

using graph::Builder;
using graph::Value;
using tensor::DType;

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    for (auto part :
         {conv_cases, linear_cases, norm_cases, attention_cases, element_cases, block_cases}) {
      std::vector<OpCase> some = part();
      std::move(some.begin(), some.end(), std::back_inserter(all));
    }
    return all;
  }();
  return cases;
}

const OpCase& op_case(std::string_view name) {
  for (const OpCase& op : op_cases()) {
    if (op.name == name) return op;
  }
  throw std::out_of_range("no op case \"" + std::string(name) + "\"");
}

Value input(Builder& b, const char* name, const tensor::Shape& shape) {
  return b.input(name, {shape, b.activations()}, graph::Lifetime::per_frame);
}

Value make_residual(Builder& b, Residual kind, const tensor::Shape& shape) {
  if (kind == Residual::none) return {};
  const Value value = input(b, "residual", shape);
  return kind == Residual::input ? value : b.convert(value, {.scale = 0.5F, .to = b.activations()});
}

void finish(Builder& b, Residual kind, Value y, Value residual) {
  switch (kind) {
    case Residual::none:
    case Residual::input:
      b.output("y", y);
      break;
    case Residual::dies:
      b.output("y", b.convert(y, {.scale = 2.0F, .to = DType::f32}));
      break;
    case Residual::lives_on:
      b.output("y", b.add(b.act(y, graph::Activation::relu), residual));
      break;
    case Residual::output:
      b.output("residual_out", residual);
      b.output("y", b.convert(y, {.scale = 2.0F, .to = DType::f32}));
      break;
  }
}

}  // namespace streamdiffusion::backend::test
