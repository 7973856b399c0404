#include "backend/cuda/cudnn/plan.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

Descriptor operation_graph(const Card& card, const std::vector<Descriptor>& operations) {
  std::vector<cudnnBackendDescriptor_t> handles;
  for (const Descriptor& operation : operations) handles.push_back(operation.get());
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, std::span<const cudnnBackendDescriptor_t>(handles));
  if (card.handle() != nullptr)
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, card.handle());
  graph.finalize();
  return graph;
}

/// The configurations that the heuristics propose, best first; none if they refuse the graph.
std::vector<Descriptor> propose(const Card& card, const Descriptor& graph,
                                cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
  if (card.handle() == nullptr) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, card.properties());
  const CudnnLibrary& cudnn = cudnn_library();
  if (cudnn.finalize(heuristics.get()) != CUDNN_STATUS_SUCCESS) return {};
  std::int64_t count = 0;
  check_cudnn(cudnn.get_attribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
              "count the configurations");
  std::vector<Descriptor> configurations;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (std::int64_t i = 0; i < count; ++i) {
    configurations.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    handles.push_back(configurations.back().get());
  }
  check_cudnn(cudnn.get_attribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                  CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count, handles.data()),
              "read the configurations");
  configurations.erase(configurations.begin() + static_cast<std::ptrdiff_t>(count),
                       configurations.end());
  return configurations;
}

template <typename Note>
bool has(const std::vector<Note>& notes, Note note) {
  return std::find(notes.begin(), notes.end(), note) != notes.end();
}

struct Engine {
  std::int64_t number = 0;
  bool allowed = false, runtime_compiled = false;
};

Engine engine_of(const Descriptor& configuration, const PlanLimits& limits) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  configuration.get(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
  const auto behavior = engine.get_all<cudnnBackendBehaviorNote_t>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
                                                                   CUDNN_TYPE_BEHAVIOR_NOTE);
  const auto numerical = engine.get_all<cudnnBackendNumericalNote_t>(
      CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE);
  const auto number =
      engine.get_all<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64);
  const bool compiled = has(behavior, CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION);
  bool allowed = limits.runtime_compilation || !compiled;
  for (const auto note :
       {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION,
        CUDNN_NUMERICAL_NOTE_WINOGRAD})
    allowed = allowed && !has(numerical, note);
  if (!limits.tensor_cores) {
    for (const auto note :
         {CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS})
      allowed = allowed && !has(numerical, note);
  }
  return {number.empty() ? -1 : number[0], allowed, compiled};
}

void set_card(Descriptor& plan, const Card& card) {
  if (card.handle() != nullptr) {
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, card.handle());
  } else {
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, card.properties());
  }
}

std::int64_t workspace_of(const Descriptor& plan) {
  const auto bytes =
      plan.get_all<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64);
  return bytes.empty() ? 0 : bytes[0];
}

std::optional<Plan> finish(const Card& card, const Descriptor& configuration, const Engine& engine,
                           const PlanLimits& limits) {
  Descriptor descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
  set_card(descriptor, card);
  if (cudnn_library().finalize(descriptor.get()) != CUDNN_STATUS_SUCCESS) return std::nullopt;
  const std::int64_t bytes = workspace_of(descriptor);
  if (bytes > limits.most_workspace_bytes) return std::nullopt;
  return Plan{std::move(descriptor), engine.number, bytes, engine.runtime_compiled};
}

}  // namespace

Card Card::from_properties(std::string_view json) {
  Card card;
  Descriptor& properties = card.properties_.emplace(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  properties.set_text(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, json);
  properties.finalize();
  return card;
}

std::string to_text(const Plan& plan) {
  const auto json =
      plan.descriptor.get_all<char>(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR);
  const auto end = std::find(json.begin(), json.end(), '\0');
  return base::concat(plan.engine, ' ', plan.runtime_compiled ? 1 : 0, '\n',
                      std::string(json.begin(), end));
}

std::optional<Plan> plan_from_text(const Card& card, const std::string& text) {
  std::istringstream in(text);
  std::int64_t engine = 0;
  bool compiled = false;
  in >> engine >> compiled;
  if (!in || in.get() != '\n') return std::nullopt;
  Descriptor descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  set_card(descriptor, card);  // before the text: 9.19 crashes in the other order
  const std::string_view json = std::string_view(text).substr(static_cast<std::size_t>(in.tellg()));
  const CudnnLibrary& cudnn = cudnn_library();
  if (cudnn.set_attribute(descriptor.get(), CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
                          CUDNN_TYPE_CHAR, static_cast<std::int64_t>(json.size()),
                          json.data()) != CUDNN_STATUS_SUCCESS ||
      cudnn.finalize(descriptor.get()) != CUDNN_STATUS_SUCCESS) {
    return std::nullopt;
  }
  const std::int64_t workspace = workspace_of(descriptor);
  return Plan{std::move(descriptor), engine, workspace, compiled};
}

std::vector<Plan> make_plans(const Card& card, const std::vector<Descriptor>& operations,
                             const PlanLimits& limits, const std::string& what, std::size_t most) {
  const Descriptor graph = operation_graph(card, operations);
  std::vector<Plan> plans;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (const Descriptor& configuration : propose(card, graph, mode)) {
      if (plans.size() == most) return plans;
      const Engine engine = engine_of(configuration, limits);
      if (!engine.allowed) continue;
      if (std::optional<Plan> plan = finish(card, configuration, engine, limits))
        plans.push_back(std::move(*plan));
    }
    if (!plans.empty()) return plans;  // the fallback is for what the first mode refuses
  }
  base::fail(base::ErrorCode::unsupported, "cuDNN ", cudnn_library().version(),
             " has no engine for ", what);
}

Plan make_plan(const Card& card, const std::vector<Descriptor>& operations,
               const PlanLimits& limits, const std::string& what) {
  return std::move(make_plans(card, operations, limits, what, 1).front());
}

}  // namespace streamdiffusion::backend::cuda
