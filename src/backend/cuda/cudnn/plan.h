// Execution plans of cuDNN: which of its engines runs a graph of operations, on which card.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backend/cuda/cudnn/descriptor.h"

namespace streamdiffusion::backend::cuda {

/// The card that plans are made for: one that is there, or one described by its properties, so that
/// the tests can plan for cards that they do not have.
class Card {
 public:
  explicit Card(cudnnHandle_t handle) : handle_(handle) {}
  /// `json`: as CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION has it. Throws internal if cuDNN does not
  /// take it.
  static Card from_properties(std::string_view json);

  /// Null if the card is only described.
  cudnnHandle_t handle() const { return handle_; }
  /// Of a card that is only described.
  const Descriptor& properties() const { return *properties_; }

 private:
  Card() = default;
  cudnnHandle_t handle_ = nullptr;
  std::optional<Descriptor> properties_;
};

/// What an engine must and must not do.
struct PlanLimits {
  /// Without it, engines that multiply in TF32 or f16 are left out: f32 to its last bits.
  bool tensor_cores = true;
  /// Without it, engines that cuDNN compiles when the plan is made are left out; that takes up to
  /// seconds each.
  bool runtime_compilation = false;
  std::int64_t most_workspace_bytes = std::int64_t{64} << 20;
};

struct Plan {
  Descriptor descriptor;
  /// cuDNN's number of the engine.
  std::int64_t engine = 0;
  std::int64_t workspace_bytes = 0;
  bool runtime_compiled = false;
};

/// The plan as text, without the card.
std::string to_text(const Plan& plan);
/// A plan that to_text() wrote, or nothing if cuDNN refuses it on this card. The text must be
/// whole: cuDNN does not check it.
std::optional<Plan> plan_from_text(const Card& card, const std::string& text);

/// The first `most` plans that cuDNN's heuristics propose and that keep the limits, the best guess
/// first. Engines that may give different bits in two runs are always left out, and those whose
/// sums are not in f32. Throws unsupported, naming `what`, if there is none.
std::vector<Plan> make_plans(const Card& card, const std::vector<Descriptor>& operations,
                             const PlanLimits& limits, const std::string& what, std::size_t most);
/// The first of them.
Plan make_plan(const Card& card, const std::vector<Descriptor>& operations,
               const PlanLimits& limits, const std::string& what);

}  // namespace streamdiffusion::backend::cuda
