#include "support/case_run.h"

#include <cstring>

#include "graph/quantize.h"
#include "support/numbers.h"
#include "weights/hash_weights.h"

namespace streamdiffusion::backend::test {
namespace {

void fill_input(const tensor::View& view, const OpCase& op, const std::string& name,
                tensor::DType rounded_to) {
  for (std::int64_t i = 0; i < view.desc.shape.elements(); ++i) {
    const double value = op.fill ? op.fill(name, i) : uniform(name, i);
    set(view, i,
        view.desc.dtype == tensor::DType::f32 ? rounded(static_cast<float>(value), rounded_to)
                                              : value);
  }
}

/// As if an input had been seen that is not symmetric, and now goes a little beyond.
void mark_for_int8(graph::Graph& graph) {
  for (graph::Op& op : graph.ops) {
    if (graph::can_quantize(op)) op.input_range = graph::ActivationRange{-0.7F, 0.95F};
  }
}

}  // namespace

Weights case_weights(const std::string& scope, tensor::DType rounded_to) {
  return {scope + "/" + tensor::to_string(rounded_to),
          [rounded_to](const graph::Weight& weight, std::span<float> out) {
            weights::HashWeights().read_f32(weight.name, weight.dims, out);
            for (float& value : out) value = rounded(value, rounded_to);
          }};
}

CaseRun::CaseRun(Device& device, const OpCase& op, const CaseOptions& options) {
  std::vector<graph::Graph> row_groups;
  for (std::int64_t group = 0; group < options.row_groups; ++group) {
    const std::int64_t first = op.rows * group / options.row_groups,
                       end = op.rows * (group + 1) / options.row_groups;
    graph::Builder builder(options.dtype);
    op.build(builder, {first, end - first});
    row_groups.push_back(builder.finish());
    if (options.int8) mark_for_int8(row_groups.back());
  }
  for (const graph::Input& input : row_groups[0].inputs) inputs_.push_back(input.name);
  for (const graph::Output& output : row_groups[0].outputs) outputs_.push_back(output.name);
  executable_ = device.compile(std::move(row_groups), case_weights(op.name, options.rounded_to),
                               op.shared_inputs);
  state_ = executable_->make_state();
  for (const std::string& name : inputs_)
    fill_input(state_->input(name), op, name, options.rounded_to);
}

void CaseRun::run() {
  for (int program = 0; program < graph::kLifetimes; ++program) {
    executable_->run(static_cast<graph::Lifetime>(program), *state_);
  }
}

CaseOutputs CaseRun::outputs() const {
  CaseOutputs outputs;
  for (const std::string& name : outputs_) {
    const tensor::View view = state_->output(name);
    CaseOutput& output = outputs[name];
    output.desc = view.desc;
    for (std::int64_t i = 0; i < view.desc.shape.elements(); ++i)
      output.values.push_back(get(view, i));
    output.bytes.assign(view.as<std::byte>(), view.as<std::byte>() + view.desc.bytes());
  }
  return outputs;
}

void CaseRun::spoil_outputs() {
  for (const std::string& name : outputs_) {
    const tensor::View view = state_->output(name);
    std::memset(view.data, 0xff, view.desc.bytes());
  }
}

void CaseRun::repeat_first_row() {
  for (const std::string& name : inputs_) {
    const tensor::View view = state_->input(name);
    const std::size_t bytes = view.desc.row_bytes();
    auto* const first = view.as<std::byte>();
    for (std::int64_t row = 1; row < view.desc.shape.n; ++row)
      std::memcpy(first + static_cast<std::size_t>(row) * bytes, first, bytes);
  }
}

CaseOutputs run_case(Device& device, const OpCase& op, const CaseOptions& options) {
  CaseRun run(device, op, options);
  run.spoil_outputs();
  run.run();
  return run.outputs();
}

}  // namespace streamdiffusion::backend::test
