#include "backend/ref/ref_executable.h"

#include <algorithm>

#include "backend/ref/storage.h"
#include "base/clock.h"
#include "base/error.h"

namespace streamdiffusion::backend::ref {
namespace {

using base::ErrorCode;

/// f32 elements for all inputs and the output of an op.
std::int64_t elements(const graph::Graph& graph, const graph::Op& op) {
  std::int64_t elements = graph.desc(op.output).shape.elements();
  for (const graph::Value input : op.inputs) elements += graph.desc(input).shape.elements();
  return elements;
}

/// f32 elements that an op keeps from call to call.
std::size_t kept_elements(const graph::Graph& graph, const graph::Op& op) {
  return graph.kept_bytes(op) / tensor::size_of(graph.desc(op.output).dtype);
}

void check_types(const graph::Graph& graph, const graph::Op& op) {
  const auto check = [&](graph::Value value) {
    const tensor::DType dtype = graph.desc(value).dtype;
    base::require(can_store(dtype), ErrorCode::unsupported, op.kind(), " \"", op.name,
                  "\" has a value of type ", tensor::to_string(dtype),
                  "; the ref device stores f32, bf16, u8 and i32");
  };
  std::for_each(op.inputs.begin(), op.inputs.end(), check);
  check(op.output);
  if (!std::holds_alternative<graph::Embedding>(op.attributes)) return;
  base::require(graph.desc(op.inputs[0]).dtype == tensor::DType::i32, ErrorCode::invalid_argument,
                "embedding \"", op.name, "\" reads ids of type ",
                tensor::to_string(graph.desc(op.inputs[0]).dtype), ", expected i32");
}

}  // namespace

RefExecutable::RefExecutable(std::vector<graph::Graph> graphs, const Weights& weights,
                             std::span<const std::string> shared_inputs, WeightStore& store,
                             const DeviceOptions& options)
    : HostExecutable(std::move(graphs), shared_inputs, options), programs_(row_groups()) {
  std::int64_t most_elements = 0, most_sums = 0;
  for (std::size_t g = 0; g < row_groups(); ++g) {
    for (std::size_t program = 0; program < programs_[g].size(); ++program) {
      for (std::size_t i = 0; i < ops(g, program).size(); ++i) {
        const host::OpIndex at{g, program, i};
        programs_[g][program].push_back(compile_op(at, weights, store));
        record(at).implementation = "ref";
        keep(at, kept_elements(group(g).graph, op(at)) * sizeof(float));
        const std::vector<tensor::Shape> shapes = group(g).graph.input_shapes(op(at));
        most_elements = std::max(most_elements, elements(group(g).graph, op(at)));
        const auto count = [&](const auto& kind) { return sums(kind, shapes); };
        most_sums = std::max(most_sums, std::visit(count, op(at).attributes));
      }
    }
  }
  values_ = tensor::Buffer(static_cast<std::size_t>(most_elements) * sizeof(float));
  sums_ = tensor::Buffer(static_cast<std::size_t>(most_sums) * sizeof(double));
}

RefExecutable::CompiledOp RefExecutable::compile_op(const host::OpIndex& at, const Weights& weights,
                                                    WeightStore& store) const {
  const graph::Graph& graph = group(at.group).graph;
  const graph::Op& op = this->op(at);
  base::require(op.inputs.size() <= kMaxInputs && op.weights.size() <= kMaxWeights,
                ErrorCode::internal, op.kind(), " \"", op.name, "\" has ", op.inputs.size(),
                " inputs and ", op.weights.size(), " weights");
  check_types(graph, op);
  const Packing packed = std::visit([](const auto& kind) { return packing(kind); }, op.attributes);
  CompiledOp compiled;
  if (op.input_range) compiled.input_params = graph::choose_quant_params(*op.input_range);
  for (const int weight : op.weights) {
    compiled.weights.push_back(store.get(weights, graph.weights[static_cast<std::size_t>(weight)],
                                         packed, op.input_range.has_value()));
  }
  return compiled;
}

void RefExecutable::run_program(std::size_t program, const host::HostState& state, Pause* pause) {
  auto since = base::Clock::now();
  for (std::size_t group = 0; group < programs_.size(); ++group) {
    for (std::size_t i = 0; i < programs_[group][program].size(); ++i) {
      const host::OpIndex at{group, program, i};
      const auto start = profile() ? base::Clock::now() : base::Clock::time_point{};
      collect_input_stats(at, state);
      run_op(at, programs_[group][program][i], state);
      if (pause != nullptr && base::seconds_since(since) > pause->after() && pause->wanted()) {
        pause->pause();
        since = base::Clock::now();
      }
      if (!profile()) continue;
      host::OpRecord& op = record(at);
      op.seconds = base::seconds_since(start);
      op.spans = {{0, base::seconds_of(start), base::seconds_of(start) + op.seconds}};
    }
  }
}

void RefExecutable::run_op(const host::OpIndex& at, const CompiledOp& compiled,
                           const host::HostState& state) const {
  const graph::Graph& graph = group(at.group).graph;
  const graph::Op& op = this->op(at);
  const auto view = [&](graph::Value value) {
    return tensor::View{state.values(at.group)[static_cast<std::size_t>(value.id)],
                        graph.desc(value)};
  };
  Call call;
  auto* free = reinterpret_cast<float*>(values_.data());
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    call.stored[i] = view(op.inputs[i]);
    call.inputs[i] = {call.stored[i].desc.shape, free};
    load(call.stored[i], free);
    free += call.inputs[i].shape.elements();
  }
  if (compiled.input_params) {
    const std::span<float> x(call.inputs[0].data,
                             static_cast<std::size_t>(call.inputs[0].shape.elements()));
    for (float& value : x) value = compiled.input_params->fake_quantize(value);
  }
  for (std::size_t i = 0; i < compiled.weights.size(); ++i)
    call.weights[i] = compiled.weights[i]->data();
  call.output = {graph.desc(op.output).shape, free};
  call.sums = reinterpret_cast<double*>(sums_.data());
  call.kept = reinterpret_cast<float*>(kept(at, state));
  std::visit([&](const auto& kind) { ref::run(kind, call); }, op.attributes);
  store(call.output.data, view(op.output));
}

}  // namespace streamdiffusion::backend::ref
