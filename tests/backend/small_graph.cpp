#include "backend/small_graph.h"

#include <algorithm>
#include <stdexcept>

#include "backend/backend.h"
#include "support/numbers.h"

namespace streamdiffusion::backend::test {

graph::Value frame_input(graph::Builder& b, const char* name, const tensor::Shape& shape,
                         tensor::DType dtype) {
  return b.input(name, {shape, dtype}, graph::Lifetime::per_frame);
}

Numbers evaluate(const SmallGraph& small, const std::string& device_name) {
  graph::Builder builder(small.activations);
  builder.output("y", small.build(builder));
  const auto read = [&](const graph::Weight& weight, std::span<float> out) {
    const Numbers& values = small.weights.at(weight.name);
    if (values.size() != out.size()) throw std::length_error(weight.name);
    std::copy(values.begin(), values.end(), out.begin());
  };
  const auto device = make_device(device_name);
  std::vector<graph::Graph> row_groups;
  row_groups.push_back(builder.finish());
  const auto executable = device->compile(std::move(row_groups), {"test", read});
  const auto state = executable->make_state();
  for (const auto& [name, values] : small.inputs) {
    const tensor::View view = state->input(name);
    if (view.desc.shape.elements() != static_cast<std::int64_t>(values.size()))
      throw std::length_error(name);
    for (std::size_t i = 0; i < values.size(); ++i)
      set(view, static_cast<std::int64_t>(i), values[i]);
  }
  executable->run(graph::Lifetime::per_frame, *state);
  const tensor::View y = state->output("y");
  Numbers result;
  for (std::int64_t i = 0; i < y.desc.shape.elements(); ++i) result.push_back(get(y, i));
  return result;
}

}  // namespace streamdiffusion::backend::test
