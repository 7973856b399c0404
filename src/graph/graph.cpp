#include "graph/graph.h"

namespace streamdiffusion::graph {

const char* to_string(Lifetime lifetime) {
  switch (lifetime) {
    case Lifetime::per_schedule:
      return "per schedule";
    case Lifetime::per_prompt:
      return "per prompt";
    case Lifetime::per_frame:
      return "per frame";
  }
  return "?";
}

const char* to_string(Activation activation) {
  switch (activation) {
    case Activation::none:
      return "none";
    case Activation::relu:
      return "relu";
    case Activation::silu:
      return "silu";
    case Activation::gelu:
      return "gelu";
    case Activation::quick_gelu:
      return "quick_gelu";
    case Activation::tanh3:
      return "tanh3";
  }
  return "?";
}

const char* Op::kind() const {
  return std::visit([](const auto& kind) { return kind.kName; }, attributes);
}

std::vector<tensor::Shape> Graph::input_shapes(const Op& op) const {
  std::vector<tensor::Shape> shapes;
  shapes.reserve(op.inputs.size());
  for (const Value input : op.inputs) shapes.push_back(desc(input).shape);
  return shapes;
}

double Graph::bytes(const Op& op) const {
  double total = static_cast<double>(desc(op.output).bytes());
  for (const Value input : op.inputs) total += static_cast<double>(desc(input).bytes());
  for (const int weight : op.weights) {
    double size = static_cast<double>(tensor::size_of(desc(op.output).dtype));
    for (const std::int64_t dim : weights[static_cast<std::size_t>(weight)].dims)
      size *= static_cast<double>(dim);
    total += size;
  }
  return total;
}

std::size_t Graph::weight_bytes(const Op& op) const {
  const bool table = std::holds_alternative<Embedding>(op.attributes);
  const tensor::DType input = desc(op.inputs.front()).dtype;
  std::size_t total = 0;
  for (const int weight : op.weights) {
    const std::vector<std::int64_t>& dims = weights[static_cast<std::size_t>(weight)].dims;
    std::size_t size = tensor::size_of(table || dims.size() < 2 ? tensor::DType::f32 : input);
    for (const std::int64_t dim : dims) size *= static_cast<std::size_t>(dim);
    total += size;
  }
  return total;
}

std::size_t Graph::kept_bytes(const Op& op) const {
  const auto slots = [&](int count) {
    return static_cast<std::size_t>(count) * desc(op.output).bytes();
  };
  if (const auto* attention = std::get_if<Attention>(&op.attributes))
    return 2 * slots(attention->slots);
  if (const auto* inject = std::get_if<InjectFeatures>(&op.attributes)) return slots(inject->slots);
  return 0;
}

double Graph::flops(const Op& op) const {
  const std::vector<tensor::Shape> shapes = input_shapes(op);
  return std::visit([&](const auto& kind) { return kind.flops(shapes, desc(op.output).shape); },
                    op.attributes);
}

}  // namespace streamdiffusion::graph
