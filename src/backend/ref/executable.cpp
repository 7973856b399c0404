#include "backend/ref/executable.h"

#include <algorithm>

#include "backend/observe.h"
#include "backend/ref/storage.h"
#include "base/clock.h"
#include "base/error.h"

namespace streamdiffusion::backend::ref {
namespace {

using base::ErrorCode;

std::vector<Lane> make_lanes(std::vector<graph::Graph> graphs) {
  std::vector<Lane> lanes;
  lanes.reserve(graphs.size());
  for (graph::Graph& graph : graphs) lanes.emplace_back(std::move(graph));
  return lanes;
}

/// f32 elements for all inputs and the output of an op.
std::int64_t elements(const graph::Graph& graph, const graph::Op& op) {
  std::int64_t elements = graph.desc(op.output).shape.elements();
  for (const graph::Value input : op.inputs) elements += graph.desc(input).shape.elements();
  return elements;
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

RefExecutable::RefExecutable(std::vector<graph::Graph> lanes, const Weights& weights,
                             std::span<const std::string> shared_inputs, WeightStore& store,
                             const DeviceOptions& options)
    : lanes_(make_lanes(std::move(lanes))),
      layout_(lanes_, shared_inputs),
      profile_(options.profile),
      observe_(options.observe) {
  std::int64_t most_elements = 0, most_sums = 0;
  for (const Lane& lane : lanes_) {
    Programs& programs = programs_.emplace_back();
    for (std::size_t program = 0; program < programs.size(); ++program) {
      for (const int index : lane.plan.programs[program]) {
        programs[program].push_back(make_step(lane.graph, index, weights, store));
        const graph::Op& op = lane.graph.ops[static_cast<std::size_t>(index)];
        const std::vector<tensor::Shape> shapes = lane.graph.input_shapes(op);
        most_elements = std::max(most_elements, elements(lane.graph, op));
        const auto count = [&](const auto& kind) { return sums(kind, shapes); };
        most_sums = std::max(most_sums, std::visit(count, op.attributes));
      }
    }
  }
  values_ = tensor::Buffer(static_cast<std::size_t>(most_elements) * sizeof(float));
  sums_ = tensor::Buffer(static_cast<std::size_t>(most_sums) * sizeof(double));
}

RefExecutable::Step RefExecutable::make_step(const graph::Graph& graph, int index,
                                             const Weights& weights, WeightStore& store) {
  const graph::Op& op = graph.ops[static_cast<std::size_t>(index)];
  base::require(op.inputs.size() <= kMostInputs && op.weights.size() <= kMostWeights,
                ErrorCode::internal, op.kind(), " \"", op.name, "\" has ", op.inputs.size(),
                " inputs and ", op.weights.size(), " weights");
  check_types(graph, op);
  const Packing packed = std::visit([](const auto& kind) { return packing(kind); }, op.attributes);
  Step step{.op = index};
  if (op.input_range) step.bytes = graph::choose_quant_params(*op.input_range);
  for (const int weight : op.weights) {
    step.weights.push_back(store.get(weights, graph.weights[static_cast<std::size_t>(weight)],
                                     packed, op.input_range.has_value()));
  }
  return step;
}

std::unique_ptr<State> RefExecutable::make_state() const {
  return std::make_unique<HostState>(layout_, lanes_);
}

void RefExecutable::run(graph::Lifetime program, State& state) {
  const auto* host = dynamic_cast<const HostState*>(&state);
  base::require(host != nullptr && host->belongs_to(layout_), ErrorCode::internal,
                "a state of another executable");
  const std::lock_guard lock(mutex_);
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    for (Step& step : programs_[lane][static_cast<std::size_t>(program)]) {
      const auto start = profile_ ? base::Clock::now() : base::Clock::time_point{};
      run(lanes_[lane].graph, step, host->values(lane));
      if (!profile_) continue;
      step.seconds = base::seconds_since(start);
      step.spans = {{0, base::seconds_of(start), base::seconds_of(start) + step.seconds}};
    }
  }
}

void RefExecutable::run(const graph::Graph& graph, Step& step, void* const* values) const {
  const graph::Op& op = graph.ops[static_cast<std::size_t>(step.op)];
  const auto view = [&](graph::Value value) {
    return tensor::View{values[static_cast<std::size_t>(value.id)], graph.desc(value)};
  };
  Call call;
  auto* free = reinterpret_cast<float*>(values_.data());
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    call.stored[i] = view(op.inputs[i]);
    call.inputs[i] = {call.stored[i].desc.shape, free};
    load(call.stored[i], free);
    free += call.inputs[i].shape.elements();
  }
  if (observe_ && graph::can_quantize(op)) observe(call.stored[0], step.input);
  if (step.bytes) {
    const std::span<float> x(call.inputs[0].data,
                             static_cast<std::size_t>(call.inputs[0].shape.elements()));
    for (float& value : x) value = step.bytes->fake_quantize(value);
  }
  for (std::size_t i = 0; i < step.weights.size(); ++i) call.weights[i] = step.weights[i]->data();
  call.output = {graph.desc(op.output).shape, free};
  call.sums = reinterpret_cast<double*>(sums_.data());
  std::visit([&](const auto& kind) { ref::run(kind, call); }, op.attributes);
  store(call.output.data, view(op.output));
}

std::vector<OpReport> RefExecutable::report() const {
  const std::lock_guard lock(mutex_);
  std::vector<OpReport> reports;
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    const graph::Graph& graph = lanes_[lane].graph;
    for (std::size_t program = 0; program < programs_[lane].size(); ++program) {
      for (const Step& step : programs_[lane][program]) {
        const graph::Op& op = graph.ops[static_cast<std::size_t>(step.op)];
        reports.push_back({op.name, op.kind(), op.stage, "ref",
                           static_cast<graph::Lifetime>(program), graph.flops(op), graph.bytes(op),
                           step.seconds, step.spans, step.input});
      }
    }
  }
  return reports;
}

std::size_t RefExecutable::arena_bytes() const {
  std::size_t bytes = 0;
  for (const Lane& lane : lanes_) bytes += lane.arena.size();
  return bytes;
}

}  // namespace streamdiffusion::backend::ref
